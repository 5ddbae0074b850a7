"""Suricata on a gateway: rules on trial, its processes, which packets they get, and who watches them."""
