"""The recorder of sudo on one host, and the TLS certificates that it and others speak with."""
