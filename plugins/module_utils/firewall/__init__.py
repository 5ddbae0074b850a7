"""What the firewall's modules ask the host: sockets, and blocked addresses."""
