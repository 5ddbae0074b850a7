"""The VPN of people on its gateway: OpenVPN, whom it lets in, and what it tells of them."""
