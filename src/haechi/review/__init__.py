"""Reviews of access: who gets in where with which rights, as hosts show it, held against policy, signed by people."""

from __future__ import annotations

# What a signature is for: one made for git or for a file opens nothing here (ssh-keygen(1), -n).
NAMESPACE = "haechi-access-review"


class ReviewError(Exception):
    """A review or a signature is refused; the text says why and what to do."""
