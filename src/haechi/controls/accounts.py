"""Who has an account on a host, in which state, groups and with which password: policy minus leavers, nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of
from haechi.observe.posture import UnknownError
from haechi.observe.sections import Account

FIRST_UID, NOBODY = 1000, 65534
NO_SHELL = frozenset({"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync"})
NO_PASSWORD = frozenset({"none", "locked"})
Wanted = Mapping[str, Any]


def only_declared(case: Case) -> Verdict:
    """Nobody has an account whom policy does not name, but Debian's own accounts and packages' without a way in."""
    known = {*case.desired["accounts"]["known"], *_wanted(case)}
    rows = case.posture.accounts.rows
    bad = [f"{row.name} (uid {row.uid}, {row.shell})" for row in rows if row.name not in known and _worth_a_name(row)]
    return none_of(bad, "accounts of policy, of Debian and of packages", f"{len(rows)} accounts, all of them known")


def state(case: Case) -> Verdict:
    """Who is active is there and open, who is disabled is shut, who has no job here is not there at all.

    Leavers are judged by ``accounts-leavers-denied``.
    """
    rows = {row.name: row for row in case.posture.accounts.rows}
    today = case.posture.accounts.today
    wanted = [row for name, row in _wanted(case).items() if name not in case.revoked]
    bad = [f"{row['id']}: {fault}" for row in wanted for fault in _faults(row, rows.get(row["id"]), today)]
    told = ", ".join(f"{row['id']} {row['state']}" for row in wanted)
    return none_of(bad, told, told)


def groups_exact(case: Case) -> Verdict:
    """People and automation are in the groups of their jobs and in no others; the login group has no other member."""
    wanted = _wanted(case)
    accounts = case.posture.accounts
    bad: list[str] = []
    names = {group.gid: group.name for group in accounts.groups}
    for row in accounts.rows:
        want = wanted.get(row.name)
        if want is None or want["kind"] == "service":
            continue
        expected, seen = set(want["groups"]) if want["state"] == "active" else set(), set(row.groups)
        # passwd's own number makes somebody a member too, although the group names nobody (passwd(5)).
        seen |= {names.get(row.gid, str(row.gid))} - {row.name}
        bad += [f"{row.name} is in {group}" for group in sorted(seen - expected)]
        bad += [f"{row.name} is not in {group}" for group in sorted(expected - seen)]
    login = case.desired["accounts"]["login_group"]
    inside = {name for group in accounts.groups if group.name == login for name in group.members}
    bad += [f"{name} is in {login}" for name in sorted(inside - set(wanted))]
    told = "; ".join(f"{name}: {', '.join(row['groups'])}" for name, row in wanted.items() if row["state"] == "active")
    return none_of(bad, told or "no groups", told or "no groups")


def no_password(case: Case) -> Verdict:
    """People and automation log in by key: no password opens their account, so none can be guessed or shared."""
    wanted = {name for name, row in _wanted(case).items() if row["kind"] not in {"service", "break_glass"}}
    mine = [row for row in case.posture.accounts.rows if row.name in wanted]
    bad = [f"{row.name}: password {row.password}" for row in mine if row.password not in NO_PASSWORD]
    return none_of(bad, "no usable password", ", ".join(f"{row.name}: {row.password}" for row in mine) or "nobody")


def no_jobs(case: Case) -> Verdict:
    """Nothing runs on for people who are away: only root and declared services leave crontabs, at jobs, managers."""
    may = {"root", *(name for name, row in _wanted(case).items() if row["kind"] == "service" and _active(row))}
    left = case.posture.jobs.by_account
    bad = [f"{name}: {', '.join(paths)}" for name, paths in sorted(left.items()) if paths and name not in may]
    return none_of(bad, "jobs of root and of declared services", f"jobs of {', '.join(sorted(left)) or 'nobody'}")


def leavers_denied(case: Case) -> Verdict:
    """Whoever left is shut out: locked, expired, no shell, group, key, session, process or job."""
    rows = {row.name: row for row in case.posture.accounts.rows}
    today = case.posture.accounts.today
    held = {file.account: file.path for file in case.posture.keys if file.fingerprints}
    alive = [session for session in case.posture.sessions if session.account in case.revoked]
    jobs = case.posture.jobs.by_account
    bad = [f"{session.account}: {session.name} runs (pid {session.pid})" for session in alive]
    for name in sorted(case.revoked):
        bad += [f"{name}: {fault}" for fault in not_shut(rows.get(name), today)]
        bad += [f"{name}: in {group}" for group in (rows[name].groups if name in rows else ())]
        bad += [f"{name}: keys in {held[name]}"] if name in held else []
        bad += [f"{name}: {path}" for path in jobs.get(name, ())]
    names = ", ".join(sorted(case.revoked)) or "nobody has left"
    return none_of(bad, "leavers have no way in and nothing that runs", names)


def left_unarmed(case: Case) -> Verdict:
    """Nothing that a leaver left behind lends rights: no set-ID bit, no capability on what is hers or in her folders.

    Raises ``UnknownError`` where the host did not look for such files, or did not list all.
    """
    walk = case.posture.walk
    rows = [row for row in walk.rows if row.kind == "lends"]
    bad = [f"{row.path} ({row.owner}, {row.mode})" for row in rows if row.owner in case.revoked]
    total = walk.total.get("lends")
    if total is None or (not bad and total > len(rows)):
        raise UnknownError(f"walk: not all files that lend rights were listed ({total} of them, {len(rows)} shown)")
    names = ", ".join(sorted(case.revoked)) or "nobody has left"
    return none_of(bad, "no program of a leaver lends rights", f"{names}; none in {walk.files} files")


def _wanted(case: Case) -> dict[str, Wanted]:
    return {row["id"]: row for row in case.desired["accounts"]["accounts"]}


def _active(row: Wanted) -> bool:
    return bool(row["state"] == "active")


def _worth_a_name(row: Account) -> bool:
    person = row.uid >= FIRST_UID and row.uid != NOBODY
    return person or row.password not in NO_PASSWORD or row.shell not in NO_SHELL


def _faults(want: Wanted, row: Account | None, today: int) -> list[str]:
    if want["state"] == "absent":
        return [] if row is None else [f"has an account (uid {row.uid})"]
    if want["state"] == "disabled":
        return not_shut(row, today)
    if row is None:
        return ["has no account"]
    faults = [] if row.shell == want["shell"] else [f"shell {row.shell} instead of {want['shell']}"]
    faults += [] if row.expires is None else [f"expires on day {row.expires}"]
    return faults


def not_shut(row: Account | None, today: int) -> list[str]:
    """Return what is not shut of an account; one that is not there is shut."""
    if row is None:
        return []
    faults = [] if row.expires is not None and row.expires <= today else ["not expired"]
    faults += [] if row.password == "locked" else [f"password {row.password}"]  # noqa: S105 - a word about it
    return faults + ([] if row.shell in NO_SHELL else [f"shell {row.shell}"])


_LEFT = "/home/hana/breaker-shell"
# cap_setuid+ep as the kernel keeps it (capabilities(7), struct vfs_cap_data of revision 2).
_SETUID = f"0100000280{'0' * 30}"

CONTROLS = (
    Control(
        id="accounts-only-declared",
        title_ko="미승인 계정 존재 여부",
        title_en="Nobody has an account whom policy does not name",
        severity=Severity.HIGH,
        articles=("pipc-5-4", "efsr-13-1-1", "ismsp-2.5.1", "kisa2026-u-07", "iso-a.5.16"),
        judge=only_declared,
        breaker=Breaker(
            how="an account is made by hand",
            script="useradd --create-home --shell /bin/bash eve",
            mend="undo",
            undo="userdel --remove eve 2>/dev/null",
            touches=("passwd",),
            also=("people-behind-accounts", "U-07"),
        ),
    ),
    Control(
        id="accounts-state",
        title_ko="정책에 따른 계정 상태(사용·정지·삭제) 유지",
        title_en="Every account is in the state that policy gives it",
        severity=Severity.HIGH,
        articles=("pipc-5-2", "efsr-13-1-11", "ismsp-2.5.1", "iso-a.5.18"),
        judge=state,
        breaker=Breaker(
            how="an operator's account gets another shell",
            script="usermod --shell /bin/sh minho",
            touches=("passwd",),
        ),
    ),
    Control(
        id="accounts-groups-exact",
        title_ko="직무별 그룹 권한의 최소 부여",
        title_en="Everybody is in the groups of their jobs and in no others",
        severity=Severity.HIGH,
        articles=("pipc-5-1", "credit-1-1", "ismsp-2.5.5", "iso-a.8.2"),
        judge=groups_exact,
        breaker=Breaker(
            how="an operator gets into the group that reads raw disks",
            script="usermod --append --groups disk minho",
            touches=("passwd",),
            also=("U-08",),
        ),
    ),
    Control(
        id="accounts-no-password",
        title_ko="개인·자동화 계정의 비밀번호 로그인 금지",
        title_en="No password opens the account of a person or of automation",
        severity=Severity.HIGH,
        articles=("pipc-5-5", "ismsp-2.5.3", "ismsp-2.5.4", "iso-a.5.17"),
        judge=no_password,
        breaker=Breaker(
            how="an operator's account gets a password",
            script="usermod --password '$6$saltsalt$notthehashofanything' minho",
            touches=("passwd",),
            also=("U-02",),
        ),
    ),
    Control(
        id="accounts-no-idle-jobs",
        title_ko="개인 계정의 예약 작업·상주 프로세스 등록 금지",
        title_en="Nothing runs on for people who are away",
        severity=Severity.MEDIUM,
        articles=("efsr-30", "ismsp-2.5.5", "kisa2026-u-37", "iso-a.8.2"),
        judge=no_jobs,
        breaker=Breaker(
            how="an operator's user manager lingers after logout",
            script="mkdir -p /var/lib/systemd/linger && touch /var/lib/systemd/linger/minho",
            mend="undo",
            undo="rm -f /var/lib/systemd/linger/minho",
            touches=("linger",),
        ),
    ),
    Control(
        id="accounts-leavers-denied",
        title_ko="퇴직자 계정의 접근 권한 즉시 회수",
        title_en="Whoever left is shut out",
        severity=Severity.HIGH,
        articles=("pipc-5-2", "efsr-13-1-11", "credit-1-2", "ismsp-2.2.5", "iso-a.6.5"),
        judge=leavers_denied,
        breaker=Breaker(
            how="a leaver's account is opened again by hand",
            script="usermod --expiredate '' --shell /bin/bash --password '*' hana",
            touches=("passwd",),
            also=("U-07", "people-behind-accounts"),
        ),
    ),
    Control(
        id="leavers-left-no-rights",
        title_ko="퇴직자가 남긴 특수 권한 파일의 무력화",
        title_en="Nothing that a leaver left behind lends rights",
        severity=Severity.HIGH,
        articles=("pipc-5-2", "efsr-13-1-11", "ismsp-2.2.5", "iso-a.6.5"),
        judge=left_unarmed,
        breaker=Breaker(
            how="a program in a leaver's home may become root",
            script=f"install -m 755 /bin/dash {_LEFT}; python3 -c 'import os; "
            f'os.setxattr("{_LEFT}", "security.capability", bytes.fromhex("{_SETUID}"))\'',
            undo=f"rm -f {_LEFT}",
            touches=(f"file:{_LEFT}",),
            hosts=("app1", "db1"),
        ),
    ),
)
