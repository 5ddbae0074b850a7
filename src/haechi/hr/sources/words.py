"""Words and times of a sender, checked before anything is made of them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from haechi.policy.shape import Line

_LINE: TypeAdapter[str] = TypeAdapter(Line)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
# A time farther away than ten years was mistyped.
FARTHEST = timedelta(days=3660)
SKEW = timedelta(seconds=60)


def line(value: object) -> str | None:
    """Return a text of one line without the blanks around it, or ``None`` for anything else."""
    if not isinstance(value, str):
        return None
    try:
        return _LINE.validate_python(value.strip())
    except ValidationError:
        return None


def moment(text: str, zone: ZoneInfo) -> datetime:
    """Return the instant that a text names; one without a time zone is meant in ``zone``. Raises ``ValueError``."""
    if not MOMENT.fullmatch(text):
        raise ValueError("write a time as 2026-12-31T18:00+09:00")
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def end_of(text: str, zone: ZoneInfo) -> datetime:
    """Return when a day or time is over: the last day of work is worked to its end, 24:00 in ``zone``.

    Raises ``ValueError``.
    """
    if not DAY.fullmatch(text):
        return moment(text, zone)
    return midnight(date.fromisoformat(text) + timedelta(days=1), zone)


def near(found: datetime, at: datetime) -> datetime:
    """Return a time that is no more than ten years away from ``at``. Raises ``ValueError`` for another."""
    if abs(found - at) > FARTHEST:
        raise ValueError("it is more than ten years away")
    return found


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in ``zone``."""
    return datetime.combine(day, time.min, zone)
