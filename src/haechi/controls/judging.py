"""From observations to verdicts: pure, so that an auditor judges again a year later and gets the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from haechi.controls.model import Case, Control, Scope, SiteCase, Status, Verdict
from haechi.observe.posture import UnknownError
from haechi.policy.models import Policy, Register, Waiver
from haechi.policy.resolve import expand_hosts

SITE = "site"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One control's verdict on one subject: a host's name, or ``site``."""

    control: str
    subject: str
    verdict: Verdict
    waiver: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON-able form: control, subject, status, seen, expected, waiver."""
        flat = asdict(self.verdict) | {"status": str(self.verdict.status)}
        return {"control": self.control, "subject": self.subject, **flat, "waiver": self.waiver}


def judge_host(controls: Iterable[Control], host: str, open_case: Callable[[], Case], policy: Policy) -> list[Judged]:
    """Return a verdict for every control of a host; a case that cannot be opened makes all automated ones unknown."""
    wanted = [control for control in controls if control.scope is not Scope.SITE]
    try:
        case = open_case()
    except UnknownError as error:
        return [_unseen(control, host, str(error)) for control in wanted]
    return [
        waived(Judged(control=control.id, subject=host, verdict=_verdict(control, case)), policy, case.at)
        for control in wanted
    ]


def judge_site(controls: Iterable[Control], case: SiteCase, policy: Policy) -> list[Judged]:
    """Return a verdict for every control of the site as a whole."""
    return [
        waived(Judged(control=control.id, subject=SITE, verdict=_site_verdict(control, case, policy)), policy, case.at)
        for control in controls
        if control.scope is Scope.SITE
    ]


def waived(judged: Judged, policy: Policy, at: datetime) -> Judged:
    """Return a failure as waived while a waiver of policy covers it; nothing else can be waived."""
    if judged.verdict.status is not Status.FAIL:
        return judged
    for waiver in policy.waivers:
        if covers(waiver, judged, policy, at):
            return replace(judged, verdict=replace(judged.verdict, status=Status.WAIVED), waiver=waiver.id)
    return judged


def covers(waiver: Waiver, judged: Judged, policy: Policy, at: datetime) -> bool:
    """Return whether a waiver speaks of this verdict and has not lapsed; its last day counts."""
    here = judged.subject == SITE or judged.subject in expand_hosts(policy, waiver.hosts)
    return waiver.control == judged.control and here and at.date() <= waiver.until


def counts(judged: Iterable[Judged]) -> Mapping[str, int]:
    """Return how many verdicts there are of each status, all six named."""
    seen = [row.verdict.status for row in judged]
    return {str(status): seen.count(status) for status in Status}


def _verdict(control: Control, case: Case) -> Verdict:
    if control.judge is None:
        return _stated(control)
    try:
        return control.judge(case)
    except UnknownError as error:
        return _unknown(control, str(error))


def _site_verdict(control: Control, case: SiteCase, policy: Policy) -> Verdict:
    if control.site_judge is None:
        return _registered(_stated(control), control, policy.registers, case.at.date())
    try:
        return control.site_judge(case)
    except UnknownError as error:
        return _unknown(control, str(error))


def _stated(control: Control) -> Verdict:
    return Verdict(status=control.status or Status.MANUAL, seen=control.reason, expected=control.title_en)


def _registered(stated: Verdict, control: Control, registers: Iterable[Register], day: date) -> Verdict:
    """Say what the registers hold that a control names. It stays manual: a signature is a word, not a sight."""
    held = {register.id: register for register in registers}
    told = [
        _sign_off(held[name], day) if name in held else f"policy has no register {name}" for name in control.registers
    ]
    return replace(stated, seen="; ".join([stated.seen, *told]))


def _sign_off(register: Register, day: date) -> str:
    if not register.signed:
        return f"register {register.id}: never signed off; {register.owner} owes it"
    last = max(register.signed, key=lambda one: one.date)
    end = last.date + timedelta(days=register.every_days)
    word = "counts until" if day <= end else "ended on"
    return f"register {register.id}: signed off on {last.date} by {last.by}, {word} {end}"


def _unknown(control: Control, why: str) -> Verdict:
    return Verdict(status=Status.UNKNOWN, seen=why, expected=control.title_en)


def _unseen(control: Control, host: str, why: str) -> Judged:
    verdict = _stated(control) if control.judge is None else _unknown(control, why)
    return Judged(control=control.id, subject=host, verdict=verdict)
