"""The one error of the guard."""

from __future__ import annotations


class RefusedError(Exception):
    """The change is refused; the text says why, and that nothing was changed."""
