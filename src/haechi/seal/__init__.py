"""The sealed account for emergencies: its secret is held by nobody, and two of the holders together bring it back."""

from __future__ import annotations


class SealError(Exception):
    """A seal is not made or not opened; the text says why and what to do."""
