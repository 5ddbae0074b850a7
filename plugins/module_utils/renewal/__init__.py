"""Renewal of TLS certificates without the controller: what a host asks, what the authority's host answers."""
