"""Privilege for a time: asked for by one person, approved by another, ended by the host itself."""

from __future__ import annotations

# What a signature is for: one made for a review or for git opens nothing here (ssh-keygen(1), -n).
REQUEST, APPROVAL = "haechi-privilege-request", "haechi-privilege-approval"


class GrantError(Exception):
    """A request, an approval or a grant is refused; the text says why and what to do."""
