"""A review out of what hosts answered, the policy and the leavers of the same run. Pure: it can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from haechi.controls.kisa_item import NO_SHELL
from haechi.desired.accounts import DEBIAN
from haechi.observe.observation import Kind, Observation
from haechi.observe.posture import UnknownError, open_posture
from haechi.observe.sections import Account, Accounts
from haechi.policy.models import Kind as IdentityKind
from haechi.policy.resolve import managed
from haechi.review import ReviewError, compare, effective, expected, sudorules
from haechi.review.effective import Seen
from haechi.review.expected import Known
from haechi.review.model import Difference, Effective, Review, Row
from haechi.runs import Run

FIRST_UID, NOBODY = 1000, 65534


def build(run: Run, answers: Mapping[str, Mapping[str, Any]]) -> Review:
    """Return the review of a run; ``answers`` are in the shape that ``audit.judge`` takes.

    Raises ``ReviewError`` for a policy that does not validate: what it gives is not known then.
    """
    if run.unsound:
        raise ReviewError(f"the policy does not validate: {run.unsound}: mend it (`haechi validate`), and review again")
    hosts = [host for host in managed(run.policy) if host in answers]
    seen = {host: _seen(run, host, answers[host]) for host in hosts}
    rows = {host: _rows(run, host, seen[host]) for host in hosts}
    return Review(
        site=run.policy.site.name,
        title=run.policy.site.title,
        at=run.at.isoformat(),
        nonce=run.nonce,
        hosts=tuple(hosts),
        left_out=tuple(host for host in managed(run.policy) if host not in answers),
        unseen={host: dict(one.unseen) for host, one in seen.items() if one.unseen},
        rows=tuple(row for host in hosts for row in rows[host]),
        closed={host: _closed(one.accounts, rows[host]) for host, one in seen.items() if one.accounts is not None},
    )


def _seen(run: Run, host: str, answer: Mapping[str, Any]) -> Seen:
    if "unknown" in answer:
        return effective.blind(str(answer["unknown"]))
    pinned = run.host_keys.get(host)
    try:
        posture = open_posture(answer.get("observation"), host=host, nonce=run.nonce, host_key=pinned)
        return effective.look(posture, _tried(run, host, answer))
    except UnknownError as error:
        return effective.blind(str(error))


def _tried(run: Run, host: str, answer: Mapping[str, Any]) -> dict[str, str]:
    """Return how sshd answered each offer of a key; whoever was accepted by one of several got in."""
    found: dict[str, str] = {}
    rows = answer.get("probes")
    for raw in rows if isinstance(rows, list) else []:
        try:
            probe = Observation.model_validate(raw)
        except ValidationError:
            continue
        if probe.kind is not Kind.PROBE or probe.subject != host or probe.nonce != run.nonce:
            continue
        if probe.data.get("what") == "key" and isinstance(probe.data.get("who"), str):
            who, result = probe.data["who"], str(probe.data.get("result"))
            found[who] = result if found.get(who) != "accepted" else "accepted"
    return found


def _rows(run: Run, host: str, seen: Seen) -> list[Row]:
    known = expected.on(run.policy, host, run.revoked, run.grants)
    others = frozenset(key for one in known.values() for key in one.expected.keys if one.expected.login)
    found = []
    for account in _worth_a_row(seen, known):
        has = effective.of(seen, account)
        who = known.get(account)
        if who is not None:
            sealed = who.kind == IdentityKind.BREAK_GLASS and run.policy.break_glass is not None
            differences = compare.identity(seen, has, who.expected, others, sealed=sealed)
        else:
            differences = compare.other(seen, account, has, others, known=_of_debian(seen.account(account), account))
        told = compare.explained(host, account, differences, run.policy, run.at)
        found.append(_row(host, account, who, has, told))
    return found + [_odd(run, host, text) for text in sudorules.strangers(seen.sudo)]


def _row(host: str, account: str, who: Known | None, has: Effective, told: tuple[Difference, ...]) -> Row:
    stranger = any(one.what == "account" for one in told) or has.state == "absent"
    return Row.model_validate(
        {
            "host": host,
            "account": account,
            "name": who.name if who else "",
            "kind": who.kind if who else ("stranger" if stranger else "system"),
            "owner": who.owner if who else "",
            "jobs": who.jobs if who else (),
            "has": has,
            "policy": who.expected if who else expected.NOTHING,
            "differences": told,
        }
    )


def _odd(run: Run, host: str, text: str) -> Row:
    """Return the row of one whom a rule of sudo names in a way that no account can be told from."""
    has = Effective(
        state="unknown",
        shell=None,
        password="unknown",  # noqa: S106 - a word about it
        keys=None,
        certificate="unknown",
        sshd="unknown",
        sshd_why="sudo names it in a way that no account can be told from",
        enters="unknown",
        groups=None,
        sudo=None,
    )
    told = compare.explained(host, text, [("surplus", "sudo", f"a rule for {text}")], run.policy, run.at)
    return _row(host, text, None, has, told).model_copy(update={"kind": "stranger"})


def _worth_a_row(seen: Seen, known: Mapping[str, Known]) -> list[str]:
    """Return whom a reviewer must see: who has access in policy, or a way in, a right or a key on the host."""
    meant = [name for name, who in known.items() if who.expected.state != "absent"]
    there = [row.name for row in (seen.accounts.rows if seen.accounts else ()) if _has_something(seen, row, known)]
    keyed = [file.account for file in seen.keys or () if file.fingerprints]
    return [*dict.fromkeys(_meant_and_there(meant, seen, known) + there + keyed + [*sudorules.subjects(seen.sudo)])]


def _meant_and_there(meant: Iterable[str], seen: Seen, known: Mapping[str, Known]) -> list[str]:
    """Leave out a leaver who has no account here, unless nobody could see whether she has."""
    gone = {name for name in meant if known[name].expected.state == "disabled"}
    return [name for name in meant if name not in gone or seen.accounts is None or seen.account(name) is not None]


def _has_something(seen: Seen, row: Account, known: Mapping[str, Known]) -> bool:
    person = FIRST_UID <= row.uid != NOBODY
    open_ = row.password in effective.USABLE or row.shell not in NO_SHELL
    rights = compare.POWER & set(seen.groups(row)) or sudorules.of(seen.sudo, row.name, row, seen.all_groups(row))
    return bool(row.name in known or row.uid == 0 or person or open_ or rights)


def _of_debian(row: Account | None, account: str) -> bool:
    """Return whether an account is Debian's or a package's, without a way in of its own."""
    if account in DEBIAN:
        return row is None or row.uid != 0 or account == compare.ROOT
    if row is None:
        return False
    closed = row.password not in effective.USABLE and row.shell in NO_SHELL
    return closed and row.uid != 0 and not FIRST_UID <= row.uid != NOBODY


def _closed(accounts: Accounts, rows: Iterable[Row]) -> tuple[str, ...]:
    shown = {row.account for row in rows}
    return tuple(sorted(row.name for row in accounts.rows if row.name not in shown))
