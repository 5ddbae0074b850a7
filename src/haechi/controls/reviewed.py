"""Whether people have gone through all access in time, proven by their signatures on record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from haechi.controls import records
from haechi.controls.model import Breaker, Control, Scope, Severity, SiteCase, Verdict, failed, passed

WHAT = "access-review"


class _SignOff(BaseModel):
    """One sign-off as ``haechi.review.stored`` read it from the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    review: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    key: str
    reviewer: Annotated[str, Field(min_length=1)]
    date: date
    owners: tuple[str, ...]
    decisions: int


class _Held(BaseModel):
    """The record: what holds, and in words what does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    sign_offs: tuple[_SignOff, ...]
    faults: tuple[str, ...]


def access_reviewed(case: SiteCase) -> Verdict:
    """Judge by the last review that enough people signed: nobody counts for his own access."""
    held = records.held(case, WHAT, _Held, "sign-offs")
    every = case.policy.review.every_days
    expected = f"a review of all access, signed within the last {every} days"
    reviews: dict[str, list[_SignOff]] = {}
    for one in held.sign_offs:
        if one.date <= case.at.date():
            reviews.setdefault(one.review, []).append(one)
    done = [signed for signed in reviews.values() if not _lacking(signed)]
    faults = f"; does not hold: {'; '.join(held.faults)}" if held.faults else ""
    if not done:
        return failed((_half(reviews.values()) or "no access review was ever signed") + faults, expected)
    last = max(done, key=_day)
    end = _day(last) + timedelta(days=every)
    told = f"{last[0].review} (sha256 {last[0].sha256[:16]}) signed on {_day(last)} by {_names(last)}"
    if case.at.date() > end:
        return failed(f"{told}, ended on {end}{faults}", expected)
    return passed(f"{told}, counts until {end}{faults}", expected)


def _lacking(signed: list[_SignOff]) -> list[str]:
    """Return whose own access nobody else has looked at."""
    who = {one.reviewer for one in signed}
    return sorted({person for one in signed for person in one.owners if not who - {person}})


def _half(reviews: Iterable[list[_SignOff]]) -> str:
    """Say of the last review that some signed whose signature is lacking; empty where there is none."""
    last = max(reviews, key=_day, default=None)
    if last is None:
        return ""
    whose = ", ".join(_lacking(last))
    return f"{last[0].review} is signed by {_names(last)} alone: nobody else looked at {whose}'s access"


def _day(signed: list[_SignOff]) -> date:
    return max(one.date for one in signed)


def _names(signed: list[_SignOff]) -> str:
    return " and ".join(sorted({one.reviewer for one in signed}))


CONTROLS = (
    Control(
        id="access-reviewed",
        title_ko="접근권한 정기 검토 및 서명",
        title_en="All access is reviewed and signed for in time",
        severity=Severity.MEDIUM,
        articles=("pipc-5-3", "efsr-13-1-1", "ismsp-2.5.6", "iso-a.5.18"),
        scope=Scope.SITE,
        site_judge=access_reviewed,
        breaker=Breaker(
            how="the sign-offs are taken out of the evidence",
            script='mkdir "$STATE/aside" && mv "$STATE"/evidence/runs/*-review_accept-* "$STATE/aside/"',
            mend="undo",
            undo='mv "$STATE"/aside/* "$STATE/evidence/runs/" && rmdir "$STATE/aside"',
            touches=("evidence",),
            where="control",
        ),
    ),
)
