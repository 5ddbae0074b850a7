"""Privilege for a time on a host: placed by a guarded change, ended by the host itself."""
