"""The zone matrix: what hosts try, what policy says of it, and what came of it. Pure."""
