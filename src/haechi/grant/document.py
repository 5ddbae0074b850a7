"""What people sign: a request and an approval of it, each in one form, so that a signature means this alone. Pure."""

from __future__ import annotations

import json
from abc import abstractmethod
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from haechi.evidence import canonical
from haechi.grant import GrantError
from haechi.policy.shape import IdentityId, Line, Name
from haechi.review.model import Part

GrantId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MOST = 50


class Signed(Part):
    """The one form of a document that people sign; ``written_by`` is the command that writes one."""

    written_by: ClassVar[str]

    @property
    @abstractmethod
    def signer(self) -> str:
        """Return the id of whoever signs it."""

    def text(self) -> bytes:
        """Return the bytes that are signed: RFC 8785 and a line feed."""
        return canonical.dumps(self.model_dump(mode="json", by_alias=True)) + b"\n"

    @property
    def sha256(self) -> str:
        """Return the digest of those bytes."""
        return canonical.digest(self.text())


class Request(Signed):
    """Who asks to do what where from when until when, and why.

    ``commands`` are exact ones, run as root; ``children`` lets them start other programs. ``root_shell`` is the last
    resort in their place. Times have a time zone and whole seconds.
    """

    written_by = "haechi request write"
    what: Literal["haechi privilege request"] = "haechi privilege request"
    version: Literal[1] = Field(default=1, alias="schema")
    site: str
    id: GrantId
    person: IdentityId
    hosts: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MOST)]
    commands: Annotated[tuple[Line, ...], Field(max_length=MOST)] = ()
    root_shell: bool = Field(default=False, strict=True)
    children: bool = Field(default=False, strict=True)
    begins: AwareDatetime = Field(alias="from")
    ends: AwareDatetime = Field(alias="until")
    made: AwareDatetime
    reason: Line

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        """Refuse what asks for nothing, or for both."""
        if bool(self.commands) is self.root_shell:
            raise ValueError("name exact commands, or a root shell, and not both")
        if any(time.microsecond for time in (self.begins, self.ends, self.made)):
            raise ValueError("times have whole seconds")
        return self

    @property
    def signer(self) -> str:
        """Return whoever asks."""
        return self.person

    def asks(self) -> str:
        """Return in words what is asked for."""
        return "a root shell" if self.root_shell else ", ".join(self.commands)


class Approval(Signed):
    """That a person approves one request; ``sha256`` is that of the request's bytes, so no word of it can change."""

    written_by = "haechi approve write"
    what: Literal["haechi privilege approval"] = "haechi privilege approval"
    version: Literal[1] = Field(default=1, alias="schema")
    site: str
    request: GrantId
    sha256_of_request: Sha256
    approver: IdentityId
    made: AwareDatetime

    @property
    def signer(self) -> str:
        """Return whoever approves."""
        return self.approver


Document = TypeVar("Document", bound=Signed)


def read(text: bytes, model: type[Document]) -> Document:
    """Return the document of these bytes. Raises ``GrantError`` for any other bytes than ``text`` makes."""
    try:
        found = model.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError) as error:
        raise GrantError(f"no document of `{model.written_by}`{_why(error)}") from error
    if found.text() != text:
        raise GrantError(f"the document is not in its one form: make it anew with `{model.written_by}`, and sign that")
    return found


def _why(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return ""
    first = error.errors(include_url=False, include_input=False)[0]
    return f": {'.'.join(map(str, first['loc'])) or 'document'}: {first['msg']}"


def when(time: datetime) -> str:
    """Return a time as a person reads it, with its zone."""
    return time.isoformat(sep=" ", timespec="minutes")
