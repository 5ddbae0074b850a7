"""Whether what was recorded of access is kept as long as the law asks."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from haechi.controls import records
from haechi.controls.model import Breaker, Control, Scope, Severity, SiteCase, Verdict, failed, passed
from haechi.observe.posture import UnknownError

WHAT = "evidence-kept"
# Three years (PIPC 5(3)); one of them may have a 29 February.
KEPT = timedelta(days=3 * 365 + 1)
NAMED = 3


class _Held(BaseModel):
    """The record, as ``haechi.evidence.kept`` saw it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    first: date | None
    runs: NonNegativeInt
    lacking: tuple[str, ...]
    fault: str


def access_changes_kept(case: SiteCase) -> Verdict:
    """Judge by the site log: every run that it counts in these years is there, and nothing was cut out of it."""
    held = records.held(case, WHAT, _Held, "what the evidence holds")
    expected = f"every run since {case.at.date() - KEPT}, in a log of signed checkpoints without a gap"
    if held.fault:
        return failed(f"the log of checkpoints: {held.fault}", expected)
    if held.lacking:
        more = f" and {len(held.lacking) - NAMED} more" if len(held.lacking) > NAMED else ""
        return failed(f"gone: {', '.join(held.lacking[:NAMED])}{more}", expected)
    if held.first is None:
        raise UnknownError("no run is on record yet")
    return passed(f"{held.runs} runs, none gone; the record begins on {held.first}", expected)


CONTROLS = (
    Control(
        id="access-changes-kept",
        title_ko="권한 부여·변경·말소 내역 3년 보관",
        title_en="Every grant, change and revocation stays on record for three years",
        severity=Severity.HIGH,
        articles=("pipc-5-3", "credit-1-3", "ismsp-2.9.4", "iso-a.5.33"),
        scope=Scope.SITE,
        site_judge=access_changes_kept,
        breaker=Breaker(
            how="a leaving is taken out of the evidence",
            script='mkdir "$STATE/gone" && mv "$STATE"/evidence/runs/*-offboard-* "$STATE/gone/"',
            mend="undo",
            undo='mv "$STATE"/gone/* "$STATE/evidence/runs/" && rmdir "$STATE/gone"',
            touches=("leavings",),
            where="control",
        ),
    ),
)
