"""Who may become somebody else: the rules as sudo's own tools read them, and the files that they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of
from haechi.desired.grants import ROOT_SHELL
from haechi.observe.posture import UnknownError
from haechi.observe.sudoers import items, specs, subjects
from haechi.policy.escapes import escape
from haechi.policy.models import Kind
from haechi.policy.resolve import access_on

# /etc/sudoers of Debian's package: root, and a group that policy fills or leaves empty.
STOCK_FILES = frozenset({"/etc/sudoers", "/etc/sudoers.d/README"})
ROOT_GROUP = "sudo"
# The sealed account is root by what it is for; each use of it is an alarm, and its password is asked.
FREE = {Kind.AUTOMATION, Kind.BREAK_GLASS}
MINE = "/etc/sudoers.d/haechi-minho"


def exact(case: Case) -> Verdict:
    """Policy's rules stand in policy's files, and no other file and no other rule gives anybody anything."""
    wanted = {row["path"]: row["content"] for row in case.desired["accounts"]["sudoers"]}
    seen = {file.path: file.sha256 for file in case.posture.sudo.files}
    known = {*STOCK_FILES, *(f"/etc/sudoers.d/{row['file']}" for row in case.desired["accounts"]["grants"])}
    bad = [f"{path} is not policy's" for path in seen if path not in known and not wanted.get(path)]
    for path, content in wanted.items():
        if content and path not in seen:
            bad.append(f"{path} is missing")
        elif content and seen[path] != hashlib.sha256(content.encode()).hexdigest():
            bad.append(f"{path} is not as policy has it")
    bad += _other_rules(case)
    told = ", ".join(sorted(path for path, content in wanted.items() if content)) or "no rule for anybody"
    return none_of(bad, f"Debian's files and {told}", f"{len(seen)} files, those of policy to the byte")


def valid(case: Case) -> Verdict:
    """All files together are taken by visudo; what it refuses sudo reads in part, or not at all."""
    bad = [] if case.posture.sudo.valid else ["visudo refuses the rules"]
    loose = [file for file in case.posture.sudo.files if file.owner != "root" or int(file.mode, 8) & 0o022]
    bad += [f"{file.path} can be changed by others ({file.owner}, {file.mode})" for file in loose]
    return none_of(bad, "visudo takes the rules", f"visudo takes {len(case.posture.sudo.files)} files")


def no_free_root(case: Case) -> Verdict:
    """Automation alone may do everything without being asked."""
    _some_rules(case)
    automation = {who.id for who in case.policy.identities if who.kind is Kind.AUTOMATION}
    rules = case.posture.sudo.rules
    bad = [who for rule in rules if _is_free_root(rule) for who in subjects(rule) if who not in automation]
    free = {who for rule in rules if _is_free_root(rule) for who in subjects(rule)}
    told = ", ".join(sorted(free)) or "nobody"
    return none_of(sorted(set(bad)), "NOPASSWD: ALL for automation alone", f"NOPASSWD: ALL: {told}")


def no_escape(case: Case) -> Verdict:
    """No command of a person is a shell by another name, and sudo keeps each from starting another program."""
    _some_rules(case)
    free = {"root", f"%{ROOT_GROUP}", *(who.id for who in case.policy.identities if who.kind in FREE)}
    rules = [(who, rule) for rule in case.posture.sudo.rules for who in subjects(rule) if who not in free]
    may_start = {
        (access.identity.id, command)
        for access in access_on(case.policy, case.host, case.revoked)
        for rule in access.sudo
        if rule.children
        for command in rule.commands
    }
    granted = _granted(case)
    bad, looked = [], 0
    for who, rule in rules:
        for spec in specs(rule):
            kept = {"noexec": True} in items(spec.get("Options"))
            for command in (_text(entry) for entry in items(spec.get("Commands"))):
                looked += 1
                if (who, command) in granted:
                    continue
                found = escape(command)
                bad += [f"{who}: {command} ({found.why})"] if found else []
                if not kept and not found and (who, command) not in may_start:
                    bad.append(f"{who}: {command} may start other programs")
    return none_of(bad, "exact commands without a way to a shell, each with NOEXEC", f"{looked} commands of people")


def _some_rules(case: Case) -> None:
    if not case.posture.sudo.rules:
        raise UnknownError("sudo: no rule was read, not even root's")


def _text(entry: object) -> str:
    command = entry.get("command") if isinstance(entry, Mapping) else None
    return command if isinstance(command, str) else str(entry)


def _other_rules(case: Case) -> Iterator[str]:
    """Yield subjects of rules whom policy gives none, or not as many commands."""
    given = {access.identity.id: access.sudo for access in access_on(case.policy, case.host, case.revoked)}
    wanted = {name: sum(len(rule.commands) for rule in rules) for name, rules in given.items() if rules}
    for who, _ in _granted(case):
        wanted[who] = wanted.get(who, 0) + 1
    seen: dict[str, int] = {}
    for rule in case.posture.sudo.rules:
        for who in subjects(rule):
            seen[who] = seen.get(who, 0) + sum(len(items(spec.get("Commands"))) for spec in specs(rule))
    allowed = {**wanted, "root": 1, f"%{ROOT_GROUP}": 1}
    for who, count in sorted(seen.items()):
        if count > allowed.get(who, 0):
            yield f"{who} has {count} commands, policy gives {allowed.get(who, 0)}"
    for who in sorted(set(wanted) - set(seen)):
        yield f"{who} has no rule in force"


def _granted(case: Case) -> set[tuple[str, str]]:
    """Return what people were granted for a time here, as sudo writes it; whether it may was judged when it was."""
    rows = case.desired["accounts"]["grants"]
    asked = [(row["person"], ROOT_SHELL if row["root_shell"] else row["commands"]) for row in rows]
    return {(who, text if " " in text else f'{text} ""') for who, texts in asked for text in texts}


def _is_free_root(rule: Mapping[str, Any]) -> bool:
    return any(
        {"authenticate": False} in items(spec.get("Options")) and {"command": "ALL"} in items(spec.get("Commands"))
        for spec in specs(rule)
    )


CONTROLS = (
    Control(
        id="sudo-exact",
        title_ko="승인된 sudo 권한만 부여",
        title_en="sudo gives what policy says, and nothing else",
        severity=Severity.HIGH,
        articles=("pipc-5-1", "efsr-13-3", "ismsp-2.5.5", "kisa2026-u-63", "iso-a.8.2"),
        judge=exact,
        breaker=Breaker(
            how="somebody writes a rule of their own",
            script="umask 337; echo 'minho ALL=(root) /usr/bin/id' > /etc/sudoers.d/hx",
            mend="undo",
            undo="rm -f /etc/sudoers.d/hx",
            touches=("sudoers",),
            also=("sudo-no-escape",),
        ),
    ),
    Control(
        id="sudo-valid",
        title_ko="sudo 설정의 유효성 및 권한",
        title_en="visudo takes the rules, and root alone can change them",
        severity=Severity.MEDIUM,
        articles=("kisa2026-u-63", "ismsp-2.5.5", "iso-a.8.18"),
        judge=valid,
        breaker=Breaker(
            how="a file of rules gets a mode that visudo refuses",
            script=f"chmod 0400 {MINE}",
            touches=("sudoers",),
        ),
    ),
    Control(
        id="sudo-no-free-root",
        title_ko="비밀번호 없는 전체 root 권한(NOPASSWD: ALL) 부여 금지",
        title_en="Nobody but automation is root without being asked",
        severity=Severity.HIGH,
        articles=("pipc-5-1", "efsr-13-3", "ismsp-2.5.5", "iso-a.8.2"),
        judge=no_free_root,
        breaker=Breaker(
            how="an operator's rules are replaced by one that allows everything",
            script=f"chmod 0640 {MINE}; echo 'minho ALL=(ALL:ALL) NOPASSWD: ALL' > {MINE}; chmod 0440 {MINE}",
            touches=("sudoers",),
            also=("sudo-exact", "sudo-no-escape"),
        ),
    ),
    Control(
        id="sudo-no-escape",
        title_ko="sudo 허용 명령을 통한 셸 획득 차단",
        title_en="No command that sudo allows a person is a way to a shell",
        severity=Severity.HIGH,
        articles=("efsr-13-3", "ismsp-2.5.5", "kisa2026-u-63", "iso-a.8.2", "iso-a.8.18"),
        judge=no_escape,
        breaker=Breaker(
            how="an operator may read a log as root, in a pager",
            script="umask 337; echo 'minho ALL=(root) NOPASSWD: /usr/bin/less /var/log/dpkg.log' > /etc/sudoers.d/hx",
            mend="undo",
            undo="rm -f /etc/sudoers.d/hx",
            touches=("sudoers",),
            also=("sudo-exact",),
        ),
    ),
)
