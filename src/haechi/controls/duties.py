"""Separation of duties on the hosts: what a job keeps out of, and that nobody stands as root."""

from __future__ import annotations

from collections.abc import Iterable

from haechi import privileged
from haechi.controls.accounts import NO_PASSWORD, NO_SHELL
from haechi.controls.keys import is_read
from haechi.controls.model import (
    Breaker,
    Case,
    Control,
    Scope,
    Severity,
    SiteCase,
    Status,
    Verdict,
    none_of,
    not_here,
)
from haechi.controls.site import all_seen
from haechi.observe.sections import Account
from haechi.observe.sudoers import subjects
from haechi.policy.factors import FIDO2_GROUP, WINDOW_GROUP
from haechi.policy.models import Identity, Job, Kind, State
from haechi.policy.resolve import in_production, jobs_on

# They read logs, and change nothing.
READING = frozenset({"adm", "systemd-journal"})


def no_shell_in_production(case: Case) -> Verdict:
    """Whoever has a job that keeps out of production has no shell, no key and no login on a host of it."""
    expected = "no shell in production for people whose job keeps out of it"
    rows = {row.name: row for row in case.posture.accounts.rows}
    held = {file.account: file.path for file in case.posture.keys if file.fingerprints}
    if not in_production(case.policy, case.host):
        return not_here(f"{case.host} is in no zone of production", expected)
    kept_out = [who for who in _people(case) if any(not job.production for job in _jobs(case, who))]
    group = case.desired["accounts"]["login_group"]
    bad: list[str] = []
    for who in kept_out:
        row = rows.get(who.id)
        bad += [f"{who.id} has shell {row.shell}"] if row is not None and row.shell not in NO_SHELL else []
        bad += [f"{who.id} is in {group}"] if row is not None and group in row.groups else []
        bad += [f"{who.id} has a key in {held[who.id]}"] if who.id in held else []
    return none_of(bad, expected, f"kept out: {', '.join(who.id for who in kept_out) or 'nobody has such a job'}")


def auditors_change_nothing(case: Case) -> Verdict:
    """Whoever only audits a host has no sudo rule there, and no group beyond those that read logs."""
    expected = "people who audit a host read its logs, and have no sudo rule"
    rows = {row.name: row for row in case.posture.accounts.rows}
    given = {name for rule in case.posture.sudo.rules for name in subjects(rule)}
    auditors = [who for who in _people(case) if _only_reads(jobs_on(case.policy, who, case.host))]
    if not auditors:
        return not_here("nobody audits this host", expected)
    may = READING | {case.desired["accounts"]["login_group"], FIDO2_GROUP, WINDOW_GROUP}
    names = {group.gid: group.name for group in case.posture.accounts.groups}
    bad: list[str] = []
    for who in auditors:
        groups = _groups(rows.get(who.id), names)
        bad += [f"{who.id} is in {group}" for group in sorted(groups - may - {who.id})]
        bad += [f"{who.id} has a sudo rule ({name})" for name in sorted(_called(who.id, groups) & given)]
    return none_of(bad, expected, f"no sudo rule, groups that read: {', '.join(who.id for who in auditors)}")


def root_is_locked(case: Case) -> Verdict:
    """No password, and no key that sshd reads, opens root: whoever becomes root does so under a name of their own."""
    roots = [row for row in case.posture.accounts.rows if row.uid == 0]
    names = {row.name for row in roots}
    patterns = case.posture.sshd.settings.get("authorizedkeysfile", "").split()
    files = [file for file in case.posture.keys if file.account in names and is_read(file, patterns)]
    bad = [f"{row.name}: password {row.password}" for row in roots if row.password not in NO_PASSWORD]
    bad += [f"{file.account}: keys in {file.path}" for file in files if file.fingerprints]
    told = ", ".join(f"{row.name}: password {row.password}, no key" for row in roots)
    return none_of(bad, "root has neither a usable password nor a key", told)


def privileged_are_owned(case: SiteCase) -> Verdict:
    """Every identity that could be root has an owner, and the owner is here."""
    all_seen(case)
    here = {i.id for i in case.policy.identities if i.kind is Kind.PERSON and i.state is State.ACTIVE} - case.revoked
    bad: dict[str, list[str]] = {}
    accounts: set[str] = set()
    for host, posture in case.postures.items():
        for row, rights in privileged.holders(case.policy, posture, posture.grants):
            accounts.add(row.name)
            owner = privileged.owner(case.policy, row.name)
            if owner not in here:
                whose = f"{owner} has left" if owner else "nobody answers for it"
                bad.setdefault(f"{row.name} ({', '.join(map(str, rights))}): {whose}", []).append(host)
    told = [f"{fault} ({', '.join(hosts)})" for fault, hosts in bad.items()]
    return none_of(told, "an owner who is here for every identity of power", f"owned: {', '.join(sorted(accounts))}")


def _people(case: Case) -> list[Identity]:
    return [who for who in case.policy.identities if who.kind is Kind.PERSON]


def _jobs(case: Case, who: Identity) -> list[Job]:
    return [case.policy.jobs[name] for name in who.jobs if name in case.policy.jobs]


def _only_reads(jobs: Iterable[Job]) -> bool:
    jobs = tuple(jobs)
    return bool(jobs) and not any(job.changes for job in jobs)


def _groups(row: Account | None, names: dict[int, str]) -> set[str]:
    return set() if row is None else {*row.groups, names.get(row.gid, str(row.gid))}


def _called(name: str, groups: Iterable[str]) -> set[str]:
    return {name, "ALL", *(f"%{group}" for group in groups)}


CONTROLS = (
    Control(
        id="developer-no-production-shell",
        title_ko="개발자의 운영 서버 셸 접근 금지",
        title_en="Who develops has no shell in production",
        severity=Severity.HIGH,
        articles=("efsr-8_3", "efsr-13-1-1", "ismsp-2.2.2", "iso-a.5.3", "iso-a.8.31"),
        judge=no_shell_in_production,
        breaker=Breaker(
            how="a developer gets an account with a shell on a host of production",
            script="useradd --create-home --shell /bin/bash yeon",
            undo="userdel --remove yeon; rm -rf /home/yeon",
            touches=("passwd",),
            also=("accounts-state",),
        ),
    ),
    Control(
        id="auditor-changes-nothing",
        title_ko="감사자의 시스템 변경 권한 부여 금지",
        title_en="Who audits reads logs and reports, and changes nothing",
        severity=Severity.HIGH,
        articles=("efsr-8_3", "ismsp-2.2.2", "ismsp-2.5.5", "iso-a.5.3", "iso-a.8.2"),
        judge=auditors_change_nothing,
        breaker=Breaker(
            how="an auditor gets a sudo rule",
            script="umask 337; echo 'sora ALL=(root) NOEXEC: /usr/bin/id' > /etc/sudoers.d/hx",
            mend="undo",
            undo="rm -f /etc/sudoers.d/hx",
            touches=("sudoers",),
            also=("sudo-exact",),
            hosts=("ops1", "log1"),
        ),
    ),
    Control(
        id="security-no-personal-data",
        title_ko="보안 담당자의 개인정보 열람 제한",
        title_en="Who watches over security sees no personal data",
        severity=Severity.MEDIUM,
        articles=("pipc-5-1", "efsr-8_3", "ismsp-2.2.2", "iso-a.5.3"),
        scope=Scope.SITE,
        status=Status.MANUAL,
        reason="No policy says yet where personal data lies: whoever signs the review of access looks at it.",
    ),
    Control(
        id="root-locked",
        title_ko="root 계정 직접 사용 차단(비밀번호·키 잠금)",
        title_en="Nobody logs in as root: no password and no key opens it",
        severity=Severity.HIGH,
        articles=("efsr-13-3", "ismsp-2.5.5", "kisa2026-u-01", "iso-a.8.2"),
        judge=root_is_locked,
        breaker=Breaker(
            how="root gets a password",
            script="usermod --password '$6$saltsalt$notthehashofanything' root",
            # The role ages a password that is there.
            undo="usermod --password '*' root; chage --maxdays -1 --mindays 0 --inactive -1 root",
            touches=("passwd",),
            also=("U-02",),
        ),
    ),
    Control(
        id="privileged-owned",
        title_ko="특수 계정·권한 보유자의 책임자 지정",
        title_en="Somebody answers for every identity that could be root",
        severity=Severity.HIGH,
        articles=("efsr-13-1-1", "ismsp-2.2.1", "ismsp-2.5.5", "iso-a.8.2"),
        scope=Scope.SITE,
        site_judge=privileged_are_owned,
        breaker=Breaker(
            how="a service's account gets into the group that may everything by sudo",
            script="usermod --append --groups sudo www-data",
            mend="undo",
            undo="gpasswd --delete www-data sudo >/dev/null",
            touches=("passwd",),
            also=("U-08",),
        ),
    ),
)
