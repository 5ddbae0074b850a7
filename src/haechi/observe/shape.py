"""The words and the house rules that all sections of a posture share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]
# An octal mode without file type, as stat(1) prints it: "644", "4755".
Mode = Annotated[str, Field(pattern=r"^[0-7]{1,4}$")]


class Section(BaseModel):
    """The house rules of every section: frozen, nothing unknown, nothing guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
