"""One read-only look at a host: what haechi.guard.posture returns."""
