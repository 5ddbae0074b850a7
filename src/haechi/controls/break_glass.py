"""The sealed account: opened by nobody alone, and never unnoticed."""

from __future__ import annotations

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, failed, none_of, not_here
from haechi.policy.models import Kind, State
from haechi.policy.resolve import access_on

ALARM, HOOK = "break-glass", "/usr/libexec/haechi/break-glass-used"
FOLDER = "/var/lib/haechi/alarms"
USED = '{"schema":1,"name":"break-glass","at":"2026-01-01T00:00:00+00:00","what":"seal: login"}'
EXPECTED = "a password that nobody has, no key, and an alarm for each use; none raised"


def sealed(case: Case) -> Verdict:
    """No use of it waits to be looked at; its account has a password, no key, and PAM tells of each session."""
    used = [alarm.what for alarm in case.posture.alarms if alarm.name == ALARM]
    if used:
        return failed(f"it was used, and nobody has looked yet: {used[0]}", EXPECTED)
    if case.policy.break_glass is None:
        return not_here("policy names no holders of a sealed account", EXPECTED)
    here = [a.identity.id for a in access_on(case.policy, case.host, case.revoked) if a.state is State.ACTIVE]
    names = [who.id for who in case.policy.identities if who.kind is Kind.BREAK_GLASS and who.id in here]
    if not names:
        return not_here("the sealed account has no job that reaches this host", EXPECTED)
    return none_of([fault for name in names for fault in _faults(case, name)], EXPECTED, f"{names[0]} is sealed")


def _faults(case: Case, name: str) -> list[str]:
    rows = {row.name: row.password for row in case.posture.accounts.rows}
    keys = sum(len(file.fingerprints) for file in case.posture.keys if file.account == name)
    session = case.posture.pam.stacks.get("common-session", ())
    return [
        *([f"{name} has no account"] if name not in rows else []),
        *([f"{name} has no password: {rows[name]}"] if rows.get(name, "set") != "set" else []),
        *([f"{name} has {keys} keys"] if keys else []),
        *([] if any(HOOK in line for line in session) else [f"no session of {name} would be told"]),
    ]


CONTROLS = (
    Control(
        id="break-glass-sealed",
        title_ko="비상 계정 봉인 및 사용 경보",
        title_en="The account for emergencies is sealed, and each use of it is an alarm",
        severity=Severity.HIGH,
        articles=("efsr-13-3", "ismsp-2.5.5", "iso-a.8.2", "iso-a.5.29"),
        judge=sealed,
        breaker=Breaker(
            how="the sealed account is used, and nobody looks",
            script=f"mkdir -p {FOLDER}; echo '{USED}' > {FOLDER}/{ALARM}.json",
            mend="undo",
            undo=f"rm -f {FOLDER}/{ALARM}.json",
            touches=("alarms",),
        ),
    ),
)
