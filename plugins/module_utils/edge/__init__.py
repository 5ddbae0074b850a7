"""The edge of a host: HAProxy, nginx with the WAF, and the address that moves."""
