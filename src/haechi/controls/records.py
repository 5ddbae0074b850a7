"""The one record of a kind that a run read from the evidence, as a judge of the site takes it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from haechi.controls.model import SiteCase
from haechi.observe.posture import UnknownError

Shape = TypeVar("Shape", bound=BaseModel)


def held(case: SiteCase, what: str, shape: type[Shape], noun: str) -> Shape:
    """Return it. Raises ``UnknownError`` where none was read, more than one, or one that cannot be understood."""
    found = [one.data for one in case.records if one.data.get("what") == what]
    if len(found) != 1:
        raise UnknownError(f"nobody read the record of {noun}")
    if "unknown" in found[0]:
        raise UnknownError(f"the record of {noun} cannot be read: {found[0]['unknown']}")
    try:
        return shape.model_validate(found[0])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UnknownError(f"no record of {noun}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
