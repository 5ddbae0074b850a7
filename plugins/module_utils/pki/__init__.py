"""Certificates of SSH: the authority that signs them, and the list of what is revoked."""
