"""What policy says about privilege beyond jobs: for a time, and in an emergency."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from haechi.policy.shape import IdentityId, Model, Name


class PrivilegePolicy(Model):
    """Who may approve privilege for a time, how many of them, and what may be asked for."""

    jobs: Annotated[tuple[Name, ...], Field(min_length=1, description="whose people approve")] = (
        "security",
        "auditor",
        "operator",
    )
    quorum: Annotated[int, Field(strict=True, ge=1, le=5, description="how many approve, beside whoever asks")] = 1
    longest_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] = 480
    root_shell: bool = Field(default=False, strict=True, description="true: a root shell may be asked for")
    nopasswd: bool = Field(
        default=True, strict=True, description="false: sudo asks each time, which needs a factor that PAM asks for"
    )


class BreakGlass(Model):
    """Who holds the shares of the sealed account's secret, and how many of them open it."""

    holders: Annotated[tuple[IdentityId, ...], Field(min_length=3, max_length=9)]
    threshold: Annotated[int, Field(strict=True, ge=2, le=9)] = 2
    # ISMS-P 2.11.4 asks for a drill a year.
    drill_days: Annotated[int, Field(strict=True, ge=7, le=365, description="how long a drill counts")] = 180


class ReviewPolicy(Model):
    """How often somebody goes through all access, within how many days he signs, and who may: jobs of policy."""

    every_days: Annotated[int, Field(strict=True, ge=1, le=366)] = 90
    sign_within_days: Annotated[int, Field(strict=True, ge=1, le=60)] = 14
    jobs: Annotated[tuple[Name, ...], Field(min_length=1)] = ("security", "auditor", "operator")
