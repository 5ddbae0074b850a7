"""A drill of the sealed account: holders bring its secret back, it opens consoles, and each host tells of it at once.

The secret is in this process alone, from the shares to the hosts' answers.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi import sent
from haechi.grant.desk import Desk
from haechi.policy.models import Policy, State
from haechi.policy.resolve import access_on, managed
from haechi.seal import SealError, record, shares, store
from haechi.seal.store import Seal

KIND = "drill"
PROGRAM = Path(__file__).parents[3] / "plugins/module_utils/seal/drill.py"
# A console is nobody's session: what the automation's own login set for it (audit's loginuid) must not be there.
APART = ("systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--")
DUE = (
    "The secret was used and is none any more: `haechi break-glass split`, hand the new shares out, then"
    " playbooks/site.yml"
)
# Of what a host's program calls a fault: what it is, and how to mend it.
FAULTS = {
    "alarm stands": "an alarm stands already ({alarm}): find out who used it, remove the file, and drill then",
    "no code": "the console asks for a code: give the one of now (-e code=FILE, or at the prompt)",
    "no password": "the console asks for a password, and there is none: report this",
    "refused": "the console refused ({asked}): is the host sealed with the newest secret (playbooks/site.yml), the code"
    " of now, the account not locked (faillock --user {account})?",
    "silent": "the console gave no shell within 25 s ({asked}): log in by hand and see why",
    "no alarm": "logged in, and no alarm was raised: run playbooks/site.yml, and see /etc/pam.d/common-session",
    "no line": "logged in, and the alarm's line is not in the journal: see whether systemd-journald runs",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be drilled: the seal, the hosts, and those that have the account and are left out."""

    seal: Seal
    hosts: tuple[str, ...]
    left_out: tuple[str, ...]
    every_days: int

    def lines(self) -> list[str]:
        """Return it in words."""
        seal, holders = self.seal, ", ".join(self.seal.shares)
        out = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        return [
            f"  {seal.account}, sealed on {seal.sealed:%Y-%m-%d}: any {seal.threshold} of {holders} bring it back",
            f"  it logs in at the console of {', '.join(self.hosts)}{out}; each must raise its alarm at once",
            f"  a drill counts for {self.every_days} days; after it the account is sealed anew",
        ]


def plan(policy: Policy, revoked: frozenset[str], state: Path, hosts: Iterable[str]) -> Plan:
    """Return what a drill on these hosts would do. Raises ``SealError`` where there is nothing to drill."""
    seal, rules = store.read(state), policy.break_glass
    if seal is None or rules is None:
        raise SealError("nothing is sealed: name holders under `break_glass` in policy, then haechi break-glass split")
    wanted, account = set(hosts), store.account_of(policy)
    has = [host for host in managed(policy) if _opens(policy, host, revoked, seal.account)]
    here = tuple(host for host in has if host in wanted)
    if account != seal.account or not here:
        raise SealError(f"{seal.account} may log in on none of these hosts: give it a job, or another --limit")
    return Plan(
        seal=seal,
        hosts=here,
        left_out=tuple(host for host in has if host not in wanted),
        every_days=rules.drill_days,
    )


def _opens(policy: Policy, host: str, revoked: frozenset[str], account: str) -> bool:
    found = [access for access in access_on(policy, host, revoked) if access.identity.id == account]
    return any(access.login and access.state is State.ACTIVE for access in found)


def given(seal: Seal, paths: Sequence[Path], ask: Callable[[str], str]) -> list[str]:
    """Return enough shares: out of files, or asked for one by one. Raises ``SealError``."""
    if paths and len(paths) != seal.threshold:
        raise SealError(f"{len(paths)} files of shares, and it takes {seal.threshold}: name as many")
    if paths:
        return [secret_of(path) for path in paths]
    return [ask(f"share {number} of {seal.threshold} (not shown)") for number in range(1, seal.threshold + 1)]


def secret_of(path: Path) -> str:
    """Return what a file or a named pipe that nobody else may read holds. Raises ``SealError``."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SealError(f"{path}: others may read it: chmod 600, and take the words that were in it for known")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"{path}: cannot be read: {error}") from error


def carry_out(where: Desk, what: Plan, words: list[str], code: str) -> dict[str, Any]:
    """Bring the secret back, use it on every host of the plan, and return the record of it.

    That it is brought back is on record before it is used. Raises ``SealError`` and ``EvidenceError``.
    """
    seal = what.seal
    secret = store.recover(seal, words)
    who = [list(seal.shares)[shares.place(word)] for word in words]
    record.write(where, "opened for a drill", seal)
    request = {"account": seal.account, "password": shares.password(secret), "code": code}
    told = sent.send(where.inventory, what.hosts, PROGRAM, request, APART)
    hosts = {host: _row(seal.account, answer) for host, answer in told.items()}
    held = {"account": seal.account, "sealed": seal.sealed.isoformat(), "holders": sorted(who)}
    ok = bool(hosts) and not any(row["fault"] for row in hosts.values())
    return {"what": "break_glass", **held, "hosts": hosts, "left_out": list(what.left_out), "ok": ok}


def _row(account: str, answer: sent.Answer) -> dict[str, Any]:
    """Return what is kept of a host's answer, a fault in words."""
    seen = answer.document
    row = {name: seen.get(name) for name in ("asked", "entered", "alarm", "after_s", "logged", "cleared")}
    fault, asked = str(seen.get("fault") or ""), ", ".join(map(str, seen.get("asked") or ())) or "nothing was asked"
    words = FAULTS.get(fault, fault).format(alarm=seen.get("alarm"), asked=asked, account=account)
    if not seen or (not fault and not (seen.get("entered") and seen.get("alarm") and seen.get("logged"))):
        words = answer.fault or "the host did not say what it saw"
    return {**row, "fault": words}


def lines(body: Mapping[str, Any]) -> list[str]:
    """Return a drill in words, what is due at the end."""
    told = [f"  {host}: {row['fault'] or _good(row)}" for host, row in body["hosts"].items()]
    return [f"  holders: {', '.join(body['holders'])}", *told, f"  {DUE}"]


def _good(row: Mapping[str, Any]) -> str:
    how = " and ".join(reversed(row["asked"]))
    return f"logged in with {how}; the alarm was raised at once ({row['after_s']} s later), and is logged"
