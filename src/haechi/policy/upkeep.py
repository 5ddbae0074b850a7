"""What people must keep up to keep their access: passwords, use, and training."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from haechi.policy.shape import Model


class PasswordPolicy(Model):
    """Passwords and lock-out; the bounds are KISA U-02 and U-03."""

    min_length: Annotated[int, Field(strict=True, ge=8, le=128)] = 12
    max_days: Annotated[int, Field(strict=True, ge=1, le=90)] = 90
    min_days: Annotated[int, Field(strict=True, ge=1, le=30)] = 1
    remember: Annotated[int, Field(strict=True, ge=4, le=24)] = 4
    lock_after: Annotated[int, Field(strict=True, ge=3, le=10)] = 5
    unlock_seconds: Annotated[int, Field(strict=True, ge=120)] = 120


class PeoplePolicy(Model):
    """What people must keep up to keep their access; the bound of ``dormant_days`` is ISMS-P 2.5.6's half year."""

    dormant_days: Annotated[int, Field(strict=True, ge=1, le=180)] = 90
    training_required: bool = Field(
        default=False, strict=True, description="a person without a training date is a finding"
    )
