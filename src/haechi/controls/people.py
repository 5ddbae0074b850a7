"""What people must keep up to keep their access: its first and last day, training, and use."""

from __future__ import annotations

from collections.abc import Iterable

from haechi import dormancy
from haechi.controls.accounts import not_shut
from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of, not_here
from haechi.policy.models import Identity, Kind
from haechi.policy.resolve import day_of, out_of_time, untrained

# Everything of an account, to be put back after the breaker: what the role rightly shut would stay shut.
MINE = (
    "etc/passwd etc/shadow etc/group etc/gshadow etc/sudoers.d/haechi-minho etc/ssh/authorized_keys.d/minho "
    "etc/ssh/haechi/principals/minho var/lib/lastlog/lastlog2.db"
)
OLD = """
python3 - <<'END'
import sqlite3
with sqlite3.connect("/var/lib/lastlog/lastlog2.db") as database:
    columns = "(Name, Time, TTY, RemoteHost, Service)"
    database.execute(f"REPLACE INTO Lastlog2 {columns} VALUES ('minho', 1700000000, 'pts/0', '', 'sshd')")
END
"""
OLD_LOGIN = f"set -e; umask 077; tar -C / -cf /run/hx.tar {MINE}; {OLD}"
BACK = "if [ -f /run/hx.tar ]; then tar -C / -xpf /run/hx.tar && rm -f /run/hx.tar; fi"
TAE_IS_BACK = "useradd --create-home --shell /bin/bash tae"
# With the account, tae's other traces are seen: disabled in policy, and nobody of policy behind a login.
TAE_IS_SEEN = ("accounts-in-time", "training-valid", "accounts-state", "people-behind-accounts")
TAE_IS_GONE = "userdel --remove tae 2>/dev/null"


def in_time(case: Case) -> Verdict:
    """Before the first and after the last day of access an account is shut."""
    day, people = day_of(case.at), _people(case)
    out = [who for who in people if out_of_time(who, day)]
    told = f"{len(out)} of {len(people)} people are before their first or after their last day on {day}, and shut out"
    return none_of(_still_open(case, out), "an account is open from the first to the last day of access only", told)


def trained(case: Case) -> Verdict:
    """Whose training has run out is shut out; a person without a date is a finding where policy demands training."""
    day, people = day_of(case.at), _people(case)
    dated = [who for who in people if who.training_until is not None]
    lapsed = [who for who in dated if untrained(who, day)]
    expected = "whoever has an open account has valid training"
    bad = _still_open(case, lapsed)
    if not dated and not case.policy.people.training_required:
        return not_here("policy demands no training (people.training_required), and nobody has a date", expected)
    if case.policy.people.training_required:
        open_ones = {fault.partition(":")[0] for fault in _still_open(case, people)}
        bad += [f"{who.id} has no date of training" for who in people if who not in dated and who.id in open_ones]
    return none_of(bad, expected, f"{len(dated)} people with a date of training, {len(lapsed)} of them lapsed and shut")


def in_use(case: Case) -> Verdict:
    """Who has not logged in for longer than policy allows is shut out, of people only."""
    found = dormancy.idle(case.policy, case.host, case.posture, case.revoked, dormancy.day_of(case.at))
    most = case.policy.people.dormant_days
    bad = [str(row) for row in dormancy.asleep(found, case.policy)]
    shut = f"; shut for disuse: {', '.join(case.asleep)}" if case.asleep else ""
    told = ", ".join(f"{row.who} {row.days} days" for row in found) or "no person may log in here"
    return none_of(bad, f"nobody's account is open after {most} days without a login", told + shut)


def _people(case: Case) -> list[Identity]:
    return [who for who in case.policy.identities if who.kind is Kind.PERSON]


def _still_open(case: Case, people: Iterable[Identity]) -> list[str]:
    rows = {row.name: row for row in case.posture.accounts.rows}
    today = case.posture.accounts.today
    return [f"{who.id}: {fault}" for who in people for fault in not_shut(rows.get(who.id), today)]


CONTROLS = (
    Control(
        id="accounts-in-time",
        title_ko="계정 사용 기간(시작일·종료일) 외 접근 차단",
        title_en="Nobody has access before the first or after the last day",
        severity=Severity.HIGH,
        articles=("pipc-5-2", "efsr-13-1-11", "ismsp-2.2.5", "ismsp-2.5.1", "iso-a.5.18"),
        judge=in_time,
        breaker=Breaker(
            how="somebody whose last day is past gets an account again",
            script=TAE_IS_BACK,
            undo=TAE_IS_GONE,
            touches=("passwd",),
            also=TAE_IS_SEEN,
        ),
    ),
    Control(
        id="training-valid",
        title_ko="보안교육 유효기간 경과자의 접근 차단",
        title_en="Nobody whose training has lapsed has access",
        severity=Severity.MEDIUM,
        articles=("pipc-4-2", "ismsp-2.2.4", "iso-a.6.3"),
        judge=trained,
        breaker=Breaker(
            how="somebody whose training has lapsed gets an account again",
            script=TAE_IS_BACK,
            undo=TAE_IS_GONE,
            touches=("passwd",),
            also=TAE_IS_SEEN,
        ),
    ),
    Control(
        id="accounts-in-use",
        title_ko="장기 미접속 계정의 사용 정지",
        title_en="An account that nobody uses is shut",
        severity=Severity.MEDIUM,
        articles=("efsr-13-1-1", "ismsp-2.5.1", "ismsp-2.5.6", "kisa2026-u-07", "iso-a.5.18"),
        judge=in_use,
        breaker=Breaker(
            how="an operator's last login was years ago",
            script=OLD_LOGIN,
            undo=BACK,
            touches=("passwd", "sudoers", "keys:minho", "certificates:minho", "logins"),
            also=("certificates-principals-exact",),
            releases=("13",),
        ),
    ),
)
