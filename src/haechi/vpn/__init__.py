"""Profiles of the VPN: made in memory, signed where the authority is, delivered once."""

from __future__ import annotations

NAMESPACE = "haechi-vpn"


class ProfileError(Exception):
    """Nobody got a profile, and why."""
