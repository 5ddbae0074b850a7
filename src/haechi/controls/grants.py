"""Privilege for a time: only what was asked for and approved, and no longer than its window."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from haechi.controls import records
from haechi.controls.model import Breaker, Case, Control, Scope, Severity, SiteCase, Verdict, none_of
from haechi.grant.ends import WHAT
from haechi.observe.granted import Grant
from haechi.observe.posture import UnknownError
from haechi.policy.resolve import managed

# The host ends a grant within a second; a minute more, and it was not ended.
LATE = 60
FALSE = "/etc/sudoers.d/haechi_grant-minho-0123456789abcdef"
RECORD = "/var/lib/haechi/grants/0123456789abcdef.json"
RULE = "minho ALL=(root) NOPASSWD: NOEXEC: /usr/bin/id"
FIELDS = (
    '"id":"0123456789abcdef","person":"minho","uid":0,"armed":0,"ended":null,"root_shell":false,"children":false,'
    '"until":4102444800'
)


def approved(case: Case) -> Verdict:
    """Every grant that sudo has rules of is one that people signed, and is open now."""
    known = {row["id"]: row for row in case.desired["accounts"]["grants"]}
    here = [row for row in case.posture.grants if row.rules]
    bad = [f"{row.id} of {row.person} is approved by nobody, or over" for row in here if row.id not in known]
    told = ", ".join(f"{row.id} of {row.person} by {', '.join(known[row.id]['approvers'])}" for row in here if not bad)
    return none_of(bad, "grants that were asked for and approved, and no other", told or "no grant is open")


def expire(case: Case) -> Verdict:
    """Every grant has a clock of its own here, and of one whose window is over nothing is left."""
    now, timers = case.at.timestamp(), case.posture.timers.active
    rows = case.posture.grants
    bad = [fault for row in rows if (fault := _fault(row, now, f"haechi-grant-{row.id}.timer" in timers))]
    ended = sum(row.ended is not None for row in rows)
    open_now = ", ".join(row.id for row in rows if row.rules and not bad) or "none"
    return none_of(bad, "each grant ends by itself with its window", f"open: {open_now}; ended on record: {ended}")


def _fault(row: Grant, now: float, ticking: bool) -> str:  # noqa: FBT001 -- one of three facts about one row
    whose = f"{row.id} of {row.person}"
    if row.until is None:
        return f"{whose} has rules and no end"
    if row.ended is not None:
        left = [*(["its rules"] if row.rules else []), *([f"{row.running} processes"] if row.running else [])]
        return f"{whose} has ended, and left {' and '.join(left)}" if left else ""
    if now > row.until + LATE:
        return f"{whose} did not end when its window did"
    return "" if ticking or not row.rules else f"{whose} has no clock that ends it"


class _Over(BaseModel):
    """One grant on one host whose time is over; ``ended`` None while no look has shown its end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    person: str
    host: str
    until: int
    ended: int | None
    why: str | None
    booted: int | None


class _Record(BaseModel):
    """The record of ``haechi.grant.ends``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    grants: tuple[_Over, ...]


def end_seen(case: SiteCase) -> Verdict:
    """Judge by what hosts told of the ends of grants: in time, and each seen.

    Raises ``UnknownError`` where nobody saw one end. A host that was off ends it when it boots: nothing ran meanwhile.
    """
    rows = [row for row in records.held(case, WHAT, _Record, "ended grants").grants if row.host in managed(case.policy)]
    bad = [f"{_whose(row)} ended {row.ended - row.until} s late" for row in rows if row.ended and _late(row)]
    unseen = [_whose(row) for row in rows if row.ended is None]
    if unseen and not bad:
        raise UnknownError(f"nobody saw the end of {', '.join(unseen[:10])}")
    told = ", ".join(f"{row.id} on {row.host} ({row.why})" for row in rows[-5:]) or "none is over"
    return none_of(bad, "each grant was seen to end with its window", f"{len(rows)} ended: {told}")


def _late(row: _Over) -> bool:
    return row.why == "window" and (row.ended or 0) > max(row.until, row.booted or 0) + LATE


def _whose(row: _Over) -> str:
    return f"{row.id} of {row.person} on {row.host}"


_NAME = "fedcba9876543210"
_FOLDER = f'"$STATE/privilege/{_NAME}"'
_REQUEST = '{"person": "minho", "hosts": ["app1"], "until": "2026-01-01T00:00:00+00:00"}'
_END = '{"app1": {"ended": 1767229200, "why": "window", "booted": 1}}'

CONTROLS = (
    Control(
        id="grants-approved",
        title_ko="승인된 한시적 특권만 존재",
        title_en="Privilege for a time was asked for by one person and approved by another",
        severity=Severity.HIGH,
        articles=("pipc-5-1", "efsr-13-3", "ismsp-2.5.5", "iso-a.8.2"),
        judge=approved,
        breaker=Breaker(
            how="rules of a grant that nobody approved",
            script=f"umask 337; echo '{RULE}' > {FALSE}",
            touches=("sudoers",),
            also=("grants-expire", "sudo-exact"),
        ),
    ),
    Control(
        id="grants-expire",
        title_ko="한시적 특권의 자동 종료",
        title_en="Privilege for a time ends by itself with its window, and leaves nothing running",
        severity=Severity.HIGH,
        articles=("pipc-5-3", "efsr-13-3", "ismsp-2.5.5", "iso-a.8.2"),
        judge=expire,
        breaker=Breaker(
            how="a grant without the clock that ends it",
            script=f"umask 077; mkdir -p {RECORD.rpartition('/')[0]}; echo '{{{FIELDS}}}' > {RECORD}; "
            f"echo '{RULE}' > {FALSE}; chmod 0440 {FALSE}",
            mend="undo",
            undo=f"rm -f {RECORD} {FALSE}",
            touches=("sudoers",),
            also=("grants-approved", "sudo-exact"),
        ),
    ),
    Control(
        id="grants-end-seen",
        title_ko="한시적 특권의 종료 확인 기록",
        title_en="The end of each privilege for a time was seen and is on record",
        severity=Severity.MEDIUM,
        articles=("pipc-5-3", "efsr-13-3", "ismsp-2.5.5", "iso-a.8.2"),
        scope=Scope.SITE,
        site_judge=end_seen,
        breaker=Breaker(
            how="a grant that its host ended an hour late",
            script=f"mkdir -p {_FOLDER}; echo '{_REQUEST}' > {_FOLDER}/request.json; touch {_FOLDER}/granted; "
            f"echo '{_END}' > {_FOLDER}/ended.json",
            mend="undo",
            undo=f"rm -rf {_FOLDER}",
            touches=("privilege",),
            where="control",
        ),
    ),
)
