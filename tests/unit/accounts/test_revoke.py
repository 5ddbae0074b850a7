"""The order in which a host shuts people out, and what it says meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import apply, errand, leave, read, revoke
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError, Change, End, Remove, Run
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current

from .conftest import account

NOBODY = Current(
    accounts={},
    groups=frozenset(),
    key_files=(),
    keys_folder=True,
    sudoers=(),
    processes=(),
    jobs={},
    lingering=frozenset(),
    today=20000,
    own_uids=frozenset(),
)
CHANGES = tuple(
    Change(who, "access", "open", "denied", (Run(("usermod", who)), End(who, uid)))
    for who, uid in (("hana", 1001), ("tae", 1002))
)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Write down each act instead of doing it, on a host that nobody is on."""
    acts: list[Any] = []

    def note(changes: tuple[Change, ...]) -> dict[str, Any]:
        acts.extend(act for change in changes for act in change.acts)
        return {}

    monkeypatch.setattr(apply, "apply", note)
    monkeypatch.setattr(read, "current", lambda: NOBODY)
    return acts


def test_all_are_denied_before_anything_is_ended(told: list[Any]) -> None:
    """Whoever is killed first could log in again; the moment between the two is the first proof of speed."""
    revoke.revoke(CHANGES, ["hana", "tae"], {}, lambda: told.append("shut"))

    assert told == [Run(("usermod", "hana")), Run(("usermod", "tae")), "shut", End("hana", 1001), End("tae", 1002)]


def test_a_denial_that_fails_still_ends_what_runs(told: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said, so that the person is not called verified."""
    note = apply.apply

    def fail(changes: tuple[Change, ...]) -> dict[str, Any]:
        note(changes)
        if any(isinstance(act, Run) for act in changes[0].acts):
            raise AccountError("usermod: cannot lock /etc/passwd")
        return {}

    monkeypatch.setattr(apply, "apply", fail)
    seen = revoke.revoke(CHANGES[:1], ["hana"], {})

    assert told == [Run(("usermod", "hana")), End("hana", 1001)]
    assert (seen["hana"]["error"], seen["hana"]["verified"]) == ("usermod: cannot lock /etc/passwd", False)


def said(request: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[str] = []
    errand.run(
        json.dumps({"people": ["hana"], "keys": {}, "listed": {}, "check": False, "nonce": "n"} | request), lines.append
    )
    return [json.loads(line) for line in lines]


@pytest.mark.usefixtures("told")
def test_every_word_of_an_errand_carries_its_nonce() -> None:
    """First that the doors are shut, at last what was seen."""
    first, last = said({})

    assert first == {"shut": True, "nonce": "n"}
    assert (last["nonce"], last["people"]["hana"]["exists"], last["changed"]) == ("n", False, False)


def test_a_look_says_only_what_is_open(told: list[Any]) -> None:
    """Nothing is shut, and nobody is told so."""
    (only,) = said({"check": True})

    assert only["people"]["hana"]["doors"] == []
    assert told == []


def test_a_host_that_cannot_look_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence would be retried for ever, and a half answer believed."""

    def fail() -> Current:
        raise PermissionError(13, "Permission denied", "/etc/shadow")

    monkeypatch.setattr(read, "current", fail)

    assert said({}) == [{"failed": "[Errno 13] Permission denied: '/etc/shadow'; nobody was denied here", "nonce": "n"}]


@pytest.mark.parametrize(("ticket", "goes"), [("hana", True), ("1001", True), ("hana2", False), ("1002", False)])
def test_a_ticket_of_sudo_goes(ticket: str, goes: bool) -> None:  # noqa: FBT001
    """By name or by number, as the release has it; a colleague's stays."""
    hana = account("hana")
    changes = leave.plan(replace(NOBODY, accounts={"hana": hana}, tickets=(ticket,)), "hana", ())

    assert (Remove(f"/run/sudo/ts/{ticket}") in [act for row in changes for act in row.acts]) is goes
