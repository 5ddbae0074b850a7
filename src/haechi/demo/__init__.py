"""The demo: a fleet stands up, is hardened, and a leaver is gone; every figure is measured."""

from __future__ import annotations


class StoryError(Exception):
    """Something the story tells did not happen; the text says what was seen instead."""
