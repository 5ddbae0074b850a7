"""Intrusion detection on the controller: rules of others, read before any host is asked."""
