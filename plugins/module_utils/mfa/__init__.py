"""One-time codes of people on a host."""
