"""An observation: something seen, by whom, where and when; the envelope that all four kinds share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Kind(StrEnum):
    """What sort of seeing it was."""

    POSTURE = "posture"  # what one read-only look at a host found
    PROBE = "probe"  # an attempt from one place at another, and its result
    RECORD = "record"  # a register or a sign-off in policy
    RUN = "run"  # what a playbook or a drill did


class Observation(BaseModel):
    """One thing seen.

    ``subject`` is the host, pair or site that it is about; ``nonce`` is the run's, so that an old answer is no answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    version: Literal[1] = Field(default=1, alias="schema")
    kind: Kind
    subject: Annotated[str, Field(min_length=1)]
    nonce: Annotated[str, Field(min_length=16)]
    at: AwareDatetime
    data: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """Return the JSON-able form, the one that is stored and hashed."""
        return self.model_dump(mode="json", by_alias=True)
