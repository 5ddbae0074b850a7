"""The receiver's own file: all that it may know. No person but the signers of rosters, no host, no key of SSH."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, model_validator

from haechi.policy.provisioning import Source, SourceKind
from haechi.policy.shape import Address, IdentityId, KeyLine, Line, Model, Port

KIB = 1024
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Size = Annotated[int, Field(strict=True, ge=1, le=64 * 1024 * KIB)]


class Limits(Model):
    """What one sender may use: sizes are bytes, rates are requests a minute."""

    body: Size = 64 * KIB
    scim_body: Size = 1024 * KIB
    roster_body: Size = 4 * 1024 * KIB
    per_address: Count = 1200
    per_source: Count = 3000
    connections: Count = 200
    seconds: Annotated[int, Field(strict=True, ge=1, le=300, description="for a whole request to come in")] = 15


class ReceiverConfig(Model):
    """What the receiver runs by. ``inbox`` is a SQLAlchemy URL, without a password."""

    address: Address
    port: Port = 8443
    certificate: Path
    key: Path
    inbox: Line
    resources: Path = Field(description="SQLite file of the SCIM resources, another one than the inbox's")
    secrets: Path
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    signers: dict[IdentityId, tuple[KeyLine, ...]] = Field(default_factory=dict)
    time_zone: Line = "Asia/Seoul"
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        """Refuse two sources of one name, one file for two databases, and a time zone that is none."""
        if len({source.name for source in self.sources}) != len(self.sources):
            raise ValueError("two sources have one name")
        # A SCIM request holds the one while it writes to the other.
        if self.inbox.endswith(str(self.resources)):
            raise ValueError("inbox and resources are one file: give each its own")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("time_zone is none: write it as Asia/Seoul") from error
        return self

    def most(self, kind: SourceKind) -> int:
        """Return how many bytes a body of this kind may have."""
        larger = {SourceKind.SCIM: self.limits.scim_body, SourceKind.ROSTER: self.limits.roster_body}
        return larger.get(kind, self.limits.body)


def load(path: Path) -> ReceiverConfig:
    """Return the configuration of a JSON file. Raises ``ValueError`` and ``OSError``; no value is repeated."""
    try:
        return ReceiverConfig.model_validate_json(path.read_bytes())
    except ValidationError as error:
        rows = error.errors(include_url=False, include_input=False)
        reasons = "; ".join(f"{'.'.join(map(str, row['loc'])) or 'file'}: {row['msg']}" for row in rows)
        raise ValueError(f"{path}: {reasons}") from error
