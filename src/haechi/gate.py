"""The first check of every playbook: the right Ansible, the right Haechi, a policy that can be used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from haechi import __version__, runs, tombstones
from haechi.hr import handover
from haechi.pki import expiry, revocations
from haechi.pki import trust as trusts
from haechi.policy import Loaded, Problem, load, state_dir
from haechi.policy.models import Policy, State
from haechi.policy.problems import Where
from haechi.seal import SealError

if TYPE_CHECKING:
    from haechi.seal.store import Seal

CA = "The X.509 authorities have"
CORE = ((2, 21), (2, 22))  # from, up to but not including


class GateError(Exception):
    """The run must not start; the text says why and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Passed:
    """What a run may use; ``run`` is the document of ``runs.begin``.

    ``expired`` says which X.509 authority did, and is empty where none did. That stops the runs that hand out what it
    signs, and no other: nobody's way in hangs on it.
    """

    desired: dict[str, dict[str, object]]
    run: dict[str, Any]
    warnings: tuple[str, ...]
    expired: str = ""


def versions(core: str, collection: str) -> None:
    """Refuse an Ansible that nobody tried, and two halves of Haechi that are not of one release.

    Raises ``GateError``.
    """
    have = tuple(int(part) for part in core.split(".")[:2])
    if not CORE[0] <= have < CORE[1]:
        low, high = (".".join(map(str, bound)) for bound in CORE)
        raise GateError(f"ansible-core {core} is not supported: use {low} or later, before {high} (`make setup`)")
    if collection != __version__:
        raise GateError(f"haechi {__version__} is installed, but haechi.guard is {collection}: run `make setup`")


def judge(
    inventory: Path,
    hosts: Iterable[str],
    extra_vars: Mapping[str, object],
    needs: tuple[str, ...] | None,
    *,
    documents: bool = True,
) -> Passed:
    """Return what each host must become, leavers taken out; nothing of that without ``documents``.

    ``needs`` None is a run over the whole policy: any error stops it. Otherwise it names the people the run is
    about: every other problem is a warning, so that a typo in a flow keeps no leaver inside.
    Raises ``GateError`` with all problems.
    """
    loaded = load(inventory, extra_vars)
    problems = loaded.problems if needs is None else tuple(_softened(loaded, needs))
    errors = [problem for problem in problems if problem.severity == "error"]
    policy = loaded.policy if needs is None else loaded.usable
    if errors or policy is None:
        raise GateError(render(errors if needs is None else problems))
    try:
        store = tombstones.read(state_dir(policy))
    except tombstones.TombstoneError as error:
        raise GateError(str(error)) from error
    revoked, state = store.revoked(), state_dir(policy)
    now = datetime.now(UTC)
    trust = trusts.read(policy, state, store, now)
    authorities = tuple(expiry.problems(policy, state, trust, now)) if needs is None else ()
    expired = [problem for problem in authorities if problem.severity == "error"]
    left = (*left_but_active(policy, loaded.where, revoked - set(needs or ())), *old_keys(policy, loaded.where, store))
    warnings = tuple(line(problem) for problem in (*problems, *left) if problem.severity == "warning")
    unsound = f"{len(loaded.errors)} problem(s), the first: {line(loaded.errors[0])}" if loaded.errors else ""
    run = runs.begin(policy, revoked, state, unsound, trust)
    # Only the receiver's own rollout needs them, and refuses without (role offboarding).
    handed = handover.collect(policy, state) if documents else handover.NOTHING
    made = _documents(runs.read(run), hosts, handed) if documents else {}
    also = (*map(line, authorities), *handed.lacking)
    return Passed(desired=made, run=run, warnings=(*warnings, *also), expired=render(expired, CA) if expired else "")


def _documents(run: runs.Run, hosts: Iterable[str], handed: handover.Handover) -> dict[str, Any]:
    """Return what each host must become; of a policy that is unsound only whose way in must stay open."""
    # A leaving asks for none of it, and whoever is let go shall not wait for what makes it.
    from haechi import desired  # noqa: PLC0415

    if run.unsound:
        known = [host for host in hosts if host in run.policy.hosts]
        return {host: {"prove": desired.prove(run.policy, host, run.revoked)} for host in known}
    more = desired.More(granted=run.grants, seal=_seal(Path(run.state)), handed=handed)
    return desired.build(run.policy, hosts, run.revoked, run.trust, more)


def _seal(state: Path) -> Seal | None:
    from haechi.seal import store  # noqa: PLC0415 -- as above

    try:
        return store.read(state)
    except SealError as error:
        raise GateError(str(error)) from error


def left_but_active(policy: Policy, where: Where, revoked: Iterable[str]) -> tuple[Problem, ...]:
    """Return a warning for each leaver on record whom policy still calls active; they stay out all the same."""
    gone = frozenset(revoked)
    return tuple(
        where.problem(
            ("identities", index, "state"),
            f"{identity.id} has been offboarded and is active here; access stays shut",
            "say `state: disabled` with `since: YYYY-MM-DD`",
            warning=True,
        )
        for index, identity in enumerate(policy.identities)
        if identity.id in gone and identity.state is State.ACTIVE
    )


def old_keys(policy: Policy, where: Where, store: tombstones.Store) -> Iterable[Problem]:
    """Yield a warning for each key of an earlier employment: it stays revoked for ever."""
    if policy.pki is None:
        return
    for person, key in revocations.reused(policy, store):
        what = f"{person} still has the key {key} of before she left, which stays revoked"
        yield where.problem(("keys", person), what, "have a new key made: ssh-keygen -t ed25519", warning=True)


def _softened(loaded: Loaded, needs: tuple[str, ...]) -> Iterable[Problem]:
    known = {identity.id for identity in loaded.usable.identities} if loaded.usable else set()
    # A person whose own entry is broken is not one whom policy forgot.
    unread = any(problem.path.startswith("identities") for problem in loaded.errors)
    for name in needs:
        if loaded.usable and name not in known:
            forgotten = tombstones.is_id(name) and not unread
            what, mend = f"no identity has the id {name!r}", "check the spelling: the id is the account's name"
            if forgotten:
                what, mend = f"policy does not name {name}", "every host is looked at; check the spelling all the same"
            severity: Literal["error", "warning"] = "warning" if forgotten else "error"
            yield Problem(file="-e", line=0, path="person", what=what, mend=mend, severity=severity)
    for problem in loaded.problems:
        yield replace(problem, severity="warning") if loaded.usable else problem


def line(problem: Problem) -> str:
    """Return a problem in one line."""
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    path = f"{problem.path}: " if problem.path else ""
    return f"{place}: {path}{problem.what}. {problem.mend[:1].upper()}{problem.mend[1:]}."


def render(problems: Iterable[Problem], whose: str = "The policy has") -> str:
    """Return problems as a person reads them, one a line, with the count."""
    lines = [line(problem) for problem in problems]
    return "\n".join([f"{whose} {len(lines)} problem(s); no host was touched.", *lines])
