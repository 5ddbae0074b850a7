"""JSON of strangers, read strictly: each name once, no deep nesting, no number or character that means two things."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from haechi.hr.signals import RefusedError

MAX_DEPTH = 16
TITLE = "not plain JSON"


def read(body: bytes) -> Any:
    """Return the value of a UTF-8 JSON text. Raises ``RefusedError`` (400) with the reason.

    RFC 8259 leaves open what two members of one name mean (section 4), what a huge number is (section 6) and what
    half a surrogate pair is (section 8.2); a zero character no PostgreSQL text can hold.
    """
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite, parse_int=_exact
        )
    except UnicodeDecodeError as error:
        raise refused("it is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise refused(f"{error.msg}, line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise refused(f"it is nested deeper than {MAX_DEPTH}") from error
    _check(value)
    return value


def read_object(body: bytes) -> dict[str, Any]:
    """Return the value of a JSON text that is an object. Raises as ``read`` does."""
    value = read(body)
    if not isinstance(value, dict):
        raise refused("it is no object: begin it with {")
    return value


def refused(why: str) -> RefusedError:
    """Return the error that says why a text is not plain JSON."""
    return RefusedError(400, TITLE, f"the body is not plain JSON: {why}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise refused("a name stands twice in one object")
    return found


def _no_constant(text: str) -> float:
    raise refused(f"{text} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise refused("a number is too large")
    return value


def _exact(text: str) -> int:
    # 2^63 has 19 digits; Python itself refuses beyond 4300.
    if len(text) > 19:  # noqa: PLR2004
        raise refused("a number is too large")
    return int(text)


def _check(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        for text in _texts(level):
            if "\0" in text or not (text.isprintable() or _encodes(text)):
                raise refused("a text holds half a surrogate pair or a zero character")
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise refused(f"it is nested deeper than {MAX_DEPTH}")


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _texts(level: list[object]) -> Iterator[str]:
    for value in level:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from value


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
