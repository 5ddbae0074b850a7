"""What a reviewer signs: a small document in one form, so that a signature means this and nothing else. Pure."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from haechi.evidence import canonical
from haechi.policy.shape import IdentityId, Line
from haechi.review import ReviewError
from haechi.review.model import Part

DECISIONS = ("correct", "allow", "investigate")


class Decision(Part):
    """What becomes of a difference, and why.

    ``correct``: the host is made as policy says; ``allow``: policy is changed, or an exception is entered;
    ``investigate``: somebody finds out first.
    """

    decision: Literal["correct", "allow", "investigate"]
    note: Line


class SignOff(Part):
    """The document. ``decisions`` is by a difference's id; ``sha256`` is the review's."""

    what: Literal["haechi access review sign-off"] = "haechi access review sign-off"
    version: Literal[1] = Field(default=1, alias="schema")
    site: str
    review: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    date: date
    reviewer: IdentityId
    decisions: dict[str, Decision]

    def text(self) -> bytes:
        """Return the bytes that are signed: RFC 8785 and a line feed."""
        return canonical.dumps(self.model_dump(mode="json", by_alias=True)) + b"\n"


def read(text: bytes) -> SignOff:
    """Return the document of these bytes. Raises ``ReviewError`` for any other bytes than ``SignOff.text`` makes."""
    try:
        found = SignOff.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError) as error:
        raise ReviewError("no sign-off document: make one with `haechi review sign`") from error
    if found.text() != text:
        raise ReviewError("the document is not in its one form: make it anew with `haechi review sign`, and sign that")
    return found
