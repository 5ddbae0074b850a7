"""How what an account has differs from what policy gives it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from haechi.controls.judging import Judged, covers
from haechi.controls.kisa_item import NO_SHELL
from haechi.controls.model import Status, Verdict
from haechi.policy.checks.access import AS_GOOD_AS_ROOT
from haechi.policy.models import Policy
from haechi.review.effective import Seen
from haechi.review.model import NOT_SEEN, Difference, Effective, Expected

# Their members read what others may not, or are root by one more step.
POWER = frozenset({*AS_GOOD_AS_ROOT, "sudo", "adm", "haechi-login"})
ROOT = "root"
# Debian's own /etc/sudoers: root is root.
ROOT_RULE = "(ALL:ALL) ALL"
# Which controls fail of a difference: a waiver of one of them explains it.
CONTROLS: Mapping[str, tuple[str, ...]] = {
    "host": (),
    "account": ("accounts-only-declared", "people-behind-accounts", "accounts-state", "U-05", "U-07"),
    "state": ("accounts-state", "accounts-leavers-denied", "U-07"),
    "login": ("login-entitled", "login-others-refused", "sshd-effective"),
    "key": ("accounts-keys-exact", "keys-one-person"),
    "password": ("accounts-no-password", "U-02", "U-07"),
    "group": ("accounts-groups-exact", "U-08"),
    "sudo": ("sudo-exact", "sudo-no-free-root", "U-63"),
}
Found = tuple[str, str, str]
PASSWORD: Found = ("surplus", "password", "a password that can be used")


def identity(
    seen: Seen, has: Effective, want: Expected, others: frozenset[str], *, sealed: bool = False
) -> list[Found]:
    """Return the differences of one whom policy knows, each as kind, what and item.

    ``others`` are the keys of everybody who may log in here: in a file that sshd does not read they open nothing more.
    ``sealed``: its holders open it by a password, at the console and nowhere else.
    """
    if "host" in seen.unseen:
        return [(NOT_SEEN, "host", seen.unseen["host"])] if want.state != "absent" else []
    if want.state == "active" and sealed:
        rights = (row for row in _rights(seen, has, want, others) if row != PASSWORD)
        return [*_state(has, want), *rights, *_sealed(has)]
    if want.state == "active":
        found = [*_state(has, want), *_rights(seen, has, want, others), *_tried(has, want)]
        shut = want.login and has.enters == "no" and not any(kind == "missing" for kind, _, _ in found)
        return [*found, ("missing", "login", "no way in is open")] if shut else found
    gone = [*_still_open(has)] if want.state == "disabled" else [*_there(has)]
    return [*gone, *_surplus_only(_rights(seen, has, want, others), want), *_tried(has, want)]


def other(seen: Seen, account: str, has: Effective, others: frozenset[str], *, known: bool) -> list[Found]:
    """Return the differences of an account that is not policy's; ``known`` are Debian's and packages'."""
    row = seen.account(account)
    found: list[Found] = []
    if not known and row is not None:
        found.append(("surplus", "account", f"uid {row.uid}, {row.shell or 'no shell'}"))
    if has.password == "yes" and account != ROOT:  # noqa: S105 - a word about it
        found.append(PASSWORD)
    found += [("surplus", "key", key) for key in has.keys or ()]
    found += _waiting(has, others)
    found += [("surplus", "group", group) for group in has.groups or () if group in POWER and account != ROOT]
    stock = {ROOT_RULE} if account == ROOT else set()
    return found + [("surplus", "sudo", rule) for rule in has.sudo or () if rule not in stock]


def explained(host: str, account: str, found: Iterable[Found], policy: Policy, at: datetime) -> tuple[Difference, ...]:
    """Return differences with their numbers and the waivers that explain them."""
    return tuple(
        Difference.model_validate(
            {
                "id": number(host, account, kind, what, item),
                "kind": kind,
                "what": what,
                "item": item,
                "waiver": _waiver(host, what, policy, at),
            }
        )
        for kind, what, item in dict.fromkeys(found)
    )


def number(*words: str) -> str:
    """Return the id of a difference: short enough to type, the same as long as the difference is the same."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:10]


def _waiver(host: str, what: str, policy: Policy, at: datetime) -> str | None:
    failed = Verdict(status=Status.FAIL, seen="", expected="")
    of = [Judged(control=name, subject=host, verdict=failed) for name in CONTROLS[what]]
    return next((one.id for one in policy.waivers if any(covers(one, judged, policy, at) for judged in of)), None)


def _state(has: Effective, want: Expected) -> Iterator[Found]:
    if has.state == NOT_SEEN:
        return
    if has.state == "absent":
        yield "missing", "account", "no account"
    elif has.state == "expired":
        yield "missing", "state", "the account has expired"
    elif want.login and has.shell in NO_SHELL:
        yield "missing", "state", f"shell {has.shell}"
    elif not want.login and has.shell not in NO_SHELL:
        yield "surplus", "state", f"shell {has.shell or '(empty)'}"


def _there(has: Effective) -> Iterator[Found]:
    if has.state not in {"absent", NOT_SEEN}:
        yield "surplus", "account", f"an account ({has.state}, {has.shell or 'no shell'})"


def _still_open(has: Effective) -> Iterator[Found]:
    if has.state in {"absent", NOT_SEEN}:
        return
    if has.state != "expired":
        yield "surplus", "state", "the account has not expired"
    if has.shell not in NO_SHELL:
        yield "surplus", "state", f"shell {has.shell or '(empty)'}"


def _rights(seen: Seen, has: Effective, want: Expected, others: frozenset[str]) -> Iterator[Found]:
    """Yield what differs of ways in and rights; sections that nobody saw are named once each."""
    unseen = seen.unseen
    if has.state == NOT_SEEN:
        yield NOT_SEEN, "account", unseen["accounts"]
    elif has.password == "yes":  # noqa: S105 - a word about it
        yield PASSWORD
    if has.keys is None:
        yield NOT_SEEN, "key", unseen.get("keys") or unseen["sshd"]
    else:
        yield from _both("key", has.keys, want.keys)
    yield from _waiting(has, others)
    if has.groups is not None:
        yield from _both("group", has.groups, want.groups)
    if has.sudo is None:
        yield NOT_SEEN, "sudo", unseen.get("sudo") or unseen["accounts"]
    else:
        yield from _both("sudo", has.sudo, want.sudo)
    if want.login and has.sshd == "no" and has.state != "absent":
        yield "missing", "login", f"sshd does not let the account in: {has.sshd_why}"


def _sealed(has: Effective) -> Iterator[Found]:
    if has.password == "no" and has.state != "absent":  # noqa: S105 - a word about it
        yield "missing", "password", "no password that its holders could bring back"
    if has.enters == "yes":
        yield "surplus", "login", "sshd lets it in, and it is for the console alone"


def _both(what: str, has: Iterable[str], want: Iterable[str]) -> Iterator[Found]:
    has, want = set(has), set(want)
    yield from (("surplus", what, item) for item in sorted(has - want))
    yield from (("missing", what, item) for item in sorted(want - has))


def _waiting(has: Effective, others: frozenset[str]) -> Iterator[Found]:
    for key in has.waiting:
        if key.fingerprint not in others:
            yield "surplus", "key", f"{key.fingerprint} waits in {key.path}, which sshd does not read"


def _surplus_only(found: Iterable[Found], want: Expected) -> Iterator[Found]:
    """Leave out of somebody without access what nobody saw: only of whom policy disables must it be known."""
    return (row for row in found if row[0] == "surplus" or (row[0] == NOT_SEEN and want.state == "disabled"))


def _tried(has: Effective, want: Expected) -> Iterator[Found]:
    entitled = want.login and want.state == "active"
    if entitled and has.tried == "refused":
        yield "missing", "login", "sshd refused policy's key when it was offered"
    if not entitled and has.tried == "accepted":
        yield "surplus", "login", "sshd accepted policy's key when it was offered"
