"""One offboarding from its tombstone to its record: the part that reads clocks and writes files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haechi import offboard, rotation, tombstones
from haechi.keylines import fingerprints
from haechi.pki import listing
from haechi.pki import trust as trusts
from haechi.policy import load, state_dir
from haechi.policy.models import Policy
from haechi.policy.resolve import day_of, on_day

RESULT_FILE = "HAECHI_OFFBOARD_JSON"
# A parent older than this is no ansible-playbook but something that embeds Ansible and never ends.
_LONGEST = 3600


def begin(  # noqa: PLR0913 - whatever the playbook may be told
    inventory: Path, person: str, canary: str | None, *, check: bool, unknown: bool = False, nonce: str = ""
) -> dict[str, Any]:
    """Judge the request, sign the tombstone unless in check mode, and return what every host needs to know.

    The record carries ``nonce``, by which whoever asked knows it from that of another run.
    For an id that nobody knows yet nothing is signed: a typing error must not become a leaver.
    Raises ``OffboardError`` or ``TombstoneError``; no host was touched then.
    """
    policy = _policy(inventory)
    state = state_dir(policy)
    gone = tombstones.revoked(state)
    brief = offboard.brief(policy, person, gone, canary, unknown=unknown)
    prints = tuple(fingerprints(brief.keys))
    sequence = 0 if check or not brief.known else tombstones.record(state, person, prints).sequence
    trust = trusts.read(policy, state, tombstones.read(state), datetime.now(UTC))
    if sequence and trust.user_ca:
        listing.renew(state, policy, trust.user_ca, datetime.now(UTC))
    secrets = _secrets(policy, state, person, write=bool(sequence))
    clock = _started()
    signed = None if sequence == 0 else since(clock)
    earlier = offboard.earlier_proofs(state / "runs", person, sequence)
    return {
        "brief": offboard.plain(brief),
        "state": str(state),
        "sequence": sequence,
        "nonce": nonce,
        "listed": _listed(trust.user_ca, trust.revoked, listing.current(state)),
        "list_host": policy.pki.host if policy.pki and trust.user_ca else None,
        "list": listing.number(listing.current(state)),
        "earlier": sorted(earlier),
        "secrets": secrets,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "clock": clock,
        "signed_s": signed,
        "bastion": policy.site.bastion,
        "changed": person not in gone and brief.known,
    }


def _policy(inventory: Path) -> Policy:
    """Return the policy of today, as far as it can be used."""
    loaded = load(inventory)
    if loaded.usable is None:
        problem = loaded.problems[0]
        raise offboard.OffboardError(f"{problem.file}:{problem.line}: {problem.what}; {problem.mend}")
    return on_day(loaded.usable, day_of(datetime.now(UTC)))


def _secrets(policy: Policy, state: Path, person: str, *, write: bool) -> list[str]:
    """Return as open items the shared secrets that must be changed, those of earlier leavers among them."""
    now = datetime.now(UTC)
    try:
        if write:
            return [*map(str, rotation.leave(state, policy, person, now))]
        rows = rotation.open_items(rotation.read(state))
    except rotation.RotationError as error:
        return [str(error)]
    told = [f"secret {one.name} ({one.where}): {person} knows it" for one in rotation.known(policy, person)]
    return [*map(str, rows), *told]


def _listed(user_ca: str, revoked: str, listed: str) -> dict[str, str]:
    return {"user_ca": user_ca, "revoked": revoked, "listed": listed} if user_ca else {}


def since(clock: float) -> float:
    """Return the seconds since a moment that ``begin`` returned."""
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) - clock, 3)


def finish(run: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]], *, check: bool) -> dict[str, Any]:
    """Close a run and keep its record in the state folder; in check mode nothing is written.

    Whom only a host knew has a tombstone from here on.
    """
    brief = offboard.read_brief(run["brief"])
    closed = offboard.close(brief, records, run["started"], check=check)
    closed["signed_s"], closed["nonce"] = run["signed_s"], run["nonce"]
    closed["secrets"] = run["secrets"]
    closed["open"] += [] if closed["nobody"] else run["secrets"]
    closed["list"] = offboard.published(run["list_host"], run["list"], records)
    if closed["list"] and not (check or closed["nobody"] or closed["list"]["served"]):
        closed["open"].append(offboard.NOT_SERVED.format(**closed["list"]))
    found = not (brief.known or closed["nobody"] or check)
    closed["sequence"] = tombstones.record(Path(run["state"]), brief.person).sequence if found else run["sequence"]
    written = []
    text = json.dumps(closed, indent=1, ensure_ascii=False) + "\n"
    target = os.environ.get(RESULT_FILE)
    # Whoever waits for it first: a full disk of the state folder must not hide from them what was seen.
    if target and not check:
        written.append(_keep(Path(target), text))
    if not check:
        stamp = run["started"].replace(":", "").replace("+0000", "Z")
        written.append(_keep(Path(run["state"], "runs", f"offboard-{closed['person']}-{stamp}.json"), text))
    enough = {offboard.SHUT, offboard.OPEN} if check else {offboard.DENIED}
    return {"run": closed, "enough": enough, "written": written}


def _keep(path: Path, text: str) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    spare = path.with_name(f".{path.name}.new")
    spare.write_text(text)
    spare.replace(path)
    return str(path)


def _started() -> float:
    """Return when ansible-playbook, the parent of every action, was started: that is when somebody said "offboard"."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    try:
        fields = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return now
    return ticks if 0 <= now - ticks < _LONGEST else now
