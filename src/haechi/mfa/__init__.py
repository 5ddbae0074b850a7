"""Enrolment of one-time codes: from the seed to the hosts, past every file and log of the controller."""

from __future__ import annotations

NAMESPACE = "haechi-enrol"


class EnrolError(Exception):
    """Nobody was enrolled, and why."""
