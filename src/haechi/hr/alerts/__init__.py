"""Who is woken when, and how: a clock over the ledger's facts, and channels that never hold a revocation up."""
