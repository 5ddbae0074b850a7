"""A person's profile of the VPN: what the authority and the gateway add to it, each on its own host."""
