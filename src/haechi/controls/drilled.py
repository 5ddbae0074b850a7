"""Whether the sealed account was tried in time, and sealed anew since, proven by drills on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from haechi.controls import records
from haechi.controls.model import Breaker, Control, Scope, Severity, SiteCase, Verdict, failed, not_here, passed

WHAT = "break-glass-drills"
# A day for the holders to get their new shares.
WITHIN = timedelta(days=1)
DRILL_DAYS = 180


class _Drill(BaseModel):
    """One drill as ``haechi.seal.stored`` read it from the evidence; ``bad`` are the hosts where it failed, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    at: AwareDatetime
    account: Annotated[str, Field(min_length=1)]
    sealed: AwareDatetime
    holders: Annotated[tuple[str, ...], Field(min_length=2)]
    hosts: Annotated[tuple[str, ...], Field(min_length=1)]
    left_out: tuple[str, ...]
    ok: Annotated[bool, Field(strict=True)]
    bad: dict[str, str]

    def told(self) -> str:
        """Say what it was."""
        out = f", not on {', '.join(self.left_out)}" if self.left_out else ""
        who = " and ".join(self.holders)
        return f"{self.run}: {who} opened {self.account} on {self.at:%Y-%m-%d} on {', '.join(self.hosts)}{out}"


class _Held(BaseModel):
    """The record: when the account was sealed, if ever, and its drills; in words what of them does not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    sealed: AwareDatetime | None
    drills: tuple[_Drill, ...]
    faults: tuple[str, ...]


def drilled(case: SiteCase) -> Verdict:
    """Judge by the last drill: it saw login and alarm on each host, is not too old, and its secret was replaced."""
    held, rules = records.held(case, WHAT, _Held, "drills"), case.policy.break_glass
    every = rules.drill_days if rules else DRILL_DAYS
    expected = f"a drill of the sealed account within the last {every} days, and a new secret after it"
    if rules is None and held.sealed is None:
        return not_here("policy names no holders of a sealed account", expected)
    faults = f"; does not hold: {'; '.join(held.faults)}" if held.faults else ""
    last = max((one for one in held.drills if one.at <= case.at), key=lambda one: one.at, default=None)
    if last is None:
        return failed(f"the sealed account was never drilled{faults}", expected)
    if not last.ok or last.bad:
        bad = "; ".join(f"{host}: {why}" for host, why in last.bad.items()) or "it did not succeed"
        return failed(f"{last.told()}, and failed: {bad}{faults}", expected)
    end = last.at.date() + timedelta(days=every)
    if case.at.date() > end:
        return failed(f"{last.told()}, ended on {end}{faults}", expected)
    replaced = held.sealed is not None and held.sealed > last.at
    if not replaced and case.at - last.at > WITHIN:
        return failed(f"{last.told()}, and the secret that was used is not replaced{faults}", expected)
    return passed(f"{last.told()}, counts until {end}{faults}", expected)


CONTROLS = (
    Control(
        id="break-glass-drilled",
        title_ko="비상 계정 정기 훈련",
        title_en="The account for emergencies is drilled in time, and sealed anew after it",
        severity=Severity.MEDIUM,
        articles=("efsr-13-3", "ismsp-2.5.5", "ismsp-2.11.4", "iso-a.5.29"),
        scope=Scope.SITE,
        site_judge=drilled,
        breaker=Breaker(
            how="the drills are taken out of the evidence",
            script='mkdir "$STATE/drills" && mv "$STATE"/evidence/runs/*-incident_drill-* "$STATE/drills/"',
            mend="undo",
            undo='mv "$STATE"/drills/* "$STATE/evidence/runs/" && rmdir "$STATE/drills"',
            touches=("drills",),
            where="control",
        ),
    ),
)
