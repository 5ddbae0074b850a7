"""The sealed account, tried on a host."""
