"""Whom a token is about: the subject identifiers of RFC 9493, SSF 1.0 and RFC 9967, and RISC's older spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.hr.signals import Subject
from haechi.hr.sources.words import line

NOBODY = Subject()
MOST_ALIASES = 16


def of(claims: Mapping[str, Any], event: Mapping[str, Any]) -> Subject:
    """Return whom an event is about: the token's ``sub_id``, else the event's ``subject``, else the token's ``sub``.

    Nobody, where none of them says it in a form that is known: the message is kept all the same.
    """
    for value in (claims.get("sub_id"), event.get("subject")):
        if isinstance(value, dict):
            return merged(_identified(value), _told(event.get("data")))
    return _either(claims.get("sub"))


def merged(first: Subject, second: Subject) -> Subject:
    """Return what both say, the first where they differ."""
    return Subject(
        hr_id=first.hr_id or second.hr_id,
        user_name=first.user_name or second.user_name,
        email=first.email or second.email,
    )


def _identified(value: Mapping[str, Any], *, nested: bool = False) -> Subject:
    # RISC before SSF 1.0: `subject_type`, with a hyphen.
    kind = str(value.get("format", value.get("subject_type", ""))).lower().replace("-", "_")
    if "user" in value and isinstance(value["user"], dict) and not nested:
        # A complex subject: other members say by which device or session (SSF 1.0, section 3.2).
        return _identified(value["user"], nested=True)
    if kind == "aliases" and not nested:
        return _aliases(value.get("identifiers"))
    return _simple(kind, value)


def _aliases(rows: object) -> Subject:
    found = NOBODY
    for row in rows[:MOST_ALIASES] if isinstance(rows, list) else ():
        if isinstance(row, dict):
            found = merged(found, _identified(row, nested=True))
    return found


def _simple(kind: str, value: Mapping[str, Any]) -> Subject:
    match kind:
        case "email":
            return Subject(email=line(value.get("email")))
        case "iss_sub":
            return _either(value.get("sub"))
        case "opaque":
            return _either(value.get("id"))
        case "account":
            return _account(line(value.get("uri")))
        case "scim":
            return merged(_told(value), Subject(hr_id=_last(line(value.get("uri")))))
        case _:
            return NOBODY


def _either(value: object) -> Subject:
    """Return whom one word names that may be HR's number or an account's name."""
    word = line(value)
    return Subject(hr_id=word, user_name=word)


def _account(uri: str | None) -> Subject:
    """Return whom an `acct:` URI names (RFC 7565)."""
    if uri is None or not uri.lower().startswith("acct:"):
        return NOBODY
    account = uri[len("acct:") :]
    return Subject(user_name=line(account.partition("@")[0]), email=account if "@" in account else None)


def _told(value: object) -> Subject:
    """Return whom attributes of SCIM name (RFC 9967, section 2.1, and the `data` of its events)."""
    if not isinstance(value, dict):
        return NOBODY
    return Subject(hr_id=line(value.get("externalId")), user_name=line(value.get("userName")))


def _last(uri: str | None) -> str | None:
    return line(uri.rstrip("/").rsplit("/", 1)[-1]) if uri else None
