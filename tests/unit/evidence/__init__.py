"""Evidence: chains, checkpoints, what verify finds."""
