"""Who is away for too long, by the record of logins, and who is never called away."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import dormant, plan
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current, Logins

from .conftest import ANN, TODAY, Paper, account, central, desired, host, wanted

LONG = TODAY - 91


def record(since: int = 19000, **more: Any) -> Logins:
    return Logins(source="lastlog2", since=since, **more)


def away(logins: Logins | None, *rows: dict[str, Any], days: int = 90) -> list[str]:
    """Return who is called away among some people, and a colleague who came today."""
    people = [*rows, wanted("bob")]
    if logins is not None:
        logins = Logins(**{**vars(logins), "last": {**logins.last, "bob": TODAY}})
    document = {**desired(*people), "dormant_days": days}
    return sorted(dormant.dormant(host(*(account(row["id"]) for row in people), logins=logins), document))


@pytest.mark.parametrize(
    ("logins", "row", "gone"),
    [
        (record(last={"ann": LONG}), wanted("ann"), True),
        (record(last={"ann": LONG + 1}), wanted("ann"), False),
        (record(made={"ann": LONG}), wanted("ann"), True),
        (record(made={"ann": TODAY}), wanted("ann"), False),
        (record(), wanted("ann", start=LONG), True),
        (record(made={"ann": LONG}), wanted("ann", start=TODAY - 5), False),
        (record(last={"ann": LONG}), wanted("ann", start=TODAY - 5), False),
        (record(since=TODAY - 5, made={"ann": LONG}), wanted("ann"), False),
        (record(since=TODAY - 5, last={"ann": LONG}), wanted("ann"), True),
        (record(), wanted("ann"), False),
        (None, wanted("ann"), False),
        (record(last={"ann": LONG}), wanted("ann", login=False), False),
        (record(last={"ann": LONG}), wanted("ann", "disabled"), False),
    ],
    ids=[
        "last login",
        "on the last day",
        "no login since it was made",
        "just made",
        "no login since the start",
        "a new start, no login",
        "a new start",
        "recorded since last week",
        "an old login is a login",
        "nobody knows since when",
        "nobody records",
        "no login here",
        "disabled already",
    ],
)
def test_disuse_counts_from_the_last_login_or_from_enrolment(
    logins: Logins | None,
    row: dict[str, Any],
    gone: bool,  # noqa: FBT001 - a case
) -> None:
    """And while nobody can tell, nobody is called away."""
    assert away(logins, row) == (["ann"] if gone else [])


@pytest.mark.parametrize("kind", ["automation", "sentinel", "break_glass", "service"])
def test_what_lies_idle_by_design_is_never_called_away(kind: str) -> None:
    """A sealed account that was not used for a year is one that worked."""
    assert away(record(last={"seal": LONG}), wanted("seal", kind=kind)) == []


def test_the_last_who_can_get_in_stays() -> None:
    """Of two who are both away, the one who came later; with a sealed account nobody has to."""
    logins = record(last={"ann": LONG, "bob": LONG - 1})
    both = {**desired(wanted("ann"), wanted("bob")), "dormant_days": 90}
    sealed = {**both, "accounts": [*both["accounts"], wanted("seal", kind="break_glass")]}
    now = host(account("ann"), account("bob"), account("seal"), logins=logins)

    assert dormant.dormant(now, both) == {"bob": LONG - 1}
    assert dormant.dormant(now, sealed) == {"ann": LONG, "bob": LONG - 1}


def test_who_is_away_is_disabled_and_comes_back_whole() -> None:
    """Groups, keys and sudo rules go; after a new start in policy all is as before, and nothing flaps between."""
    rule = {"path": "/etc/sudoers.d/haechi-ann", "content": "ann ALL=(root) /usr/bin/id\n"}
    ann, bob = wanted("ann"), wanted("bob", keys=[])
    document = {**desired(ann, bob), "dormant_days": 90, "sudoers": [rule]}
    before = host(
        account("ann"),
        account("bob"),
        key_files=(central("ann", ANN),),
        sudoers=("haechi-ann",),
        logins=record(last={"ann": LONG, "bob": TODAY}),
    )

    def run(now: Current, said: dict[str, Any]) -> tuple[Current, dict[str, Any], int]:
        shut = dormant.shut(said, dormant.dormant(now, said))
        changes = plan.plan(now, shut)
        return Paper(now).apply(changes), shut, len(changes)

    gone, shut, _ = run(before, document)
    assert (gone.accounts["ann"].expires, gone.accounts["ann"].groups, gone.key_files) == (1, frozenset(), ())
    assert gone.sudoers == ()
    assert shut["sudoers"] == [{**rule, "content": None}]
    assert run(gone, document)[2] == 0

    back, whole, _ = run(gone, {**document, "accounts": [{**ann, "start": TODAY}, bob]})
    assert (back.accounts["ann"].expires, back.key_files) == (None, (central("ann", ANN),))
    assert whole["sudoers"] == [rule]


def test_a_remark_says_who_since_when_and_how_to_come_back() -> None:
    """The operator who runs the role reads it."""
    assert dormant.remarks({"ann": LONG}, TODAY) == [
        "ann is not known to have logged in for 91 days: shut on this host; a new `start` in policy opens it again"
    ]


def test_a_password_of_root_is_locked() -> None:
    """Once; a root without one is left alone."""
    root = {"uid": 0, "gid": 0, "home": "/root", "groups": frozenset()}
    now = host(account("root", hash_kind="set", **root))
    changes = plan.plan(now, desired())

    assert [(row.account, row.what, row.before, row.after) for row in changes] == [
        ("root", "password", "set", "locked")
    ]
    assert plan.plan(Paper(now).apply(changes), desired()) == ()
    assert plan.plan(host(account("root", **root)), desired()) == ()
