"""What the hosts showed last: the newest audit or review on record whose evidence holds, read back by account."""

from __future__ import annotations

from pathlib import Path

from haechi.evidence import EvidenceError, keys
from haechi.hr.signals import UnavailableError
from haechi.report import source
from haechi.review import ReviewError, stored
from haechi.review.model import Review

VERBS = (stored.REVIEW, source.AUDIT)
# A run that was broken off has no signed end; so many in a row are no accident.
TRIED = 5


def last(folder: Path) -> Review | None:
    """Return what the hosts showed last, as a review has it; None where none of the newest runs counts.

    ``folder`` is that of the site's evidence. Raises ``UnavailableError`` where it cannot be read.
    """
    runs = sorted(name for verb in VERBS for name in stored.names(folder, verb))[-TRIED:]
    if not runs:
        return None
    try:
        key = keys.public_key(folder / keys.PUBLIC)
    except EvidenceError as error:
        raise UnavailableError(str(error)) from error
    for run in reversed(runs):
        try:
            lines, _ = stored.run_records(folder, run)
            if source.verified(folder, run, lines, key) is True:
                return stored.again(folder, run)
        except (EvidenceError, ReviewError):
            continue
    return None
