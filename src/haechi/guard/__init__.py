"""The controller's half of a guarded change: proofs over new connections."""
