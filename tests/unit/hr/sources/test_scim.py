"""What follows from a change of a SCIM user or group."""

from __future__ import annotations

from typing import Any

import pytest

from haechi.hr.signals import Act, RefusedError, Subject

from .conftest import OKTA, TOKEN, Desk

HANA = {"id": "7", "externalId": "00u1", "userName": "hana", "email": "hana@example.com", "active": True}
GONE = {**HANA, "active": False}
UNSAID = {"id": "7", "userName": "hana"}


@pytest.mark.parametrize(
    ("before", "after", "act", "reason"),
    [
        (None, HANA, Act.JOIN, "SCIM: a user was created"),
        (None, UNSAID, Act.JOIN, "SCIM: a user was created"),
        (HANA, GONE, Act.LEAVE, "SCIM: the user is active no more"),
        (UNSAID, GONE, Act.LEAVE, "SCIM: the user is active no more"),
        (HANA, None, Act.LEAVE, "SCIM: the user was deleted"),
        (GONE, HANA, Act.JOIN, "SCIM: the user is active again"),
        (HANA, {**HANA, "userName": "hana.lee"}, Act.MOVE, "SCIM: the user was changed"),
        # Purged weeks later, when the person may be back under another account.
        (GONE, None, Act.NOTE, "SCIM: a user who was not active was created, changed or deleted"),
        (None, GONE, Act.NOTE, "SCIM: a user who was not active was created, changed or deleted"),
        (GONE, {**GONE, "email": "x@example.com"}, Act.NOTE, "SCIM: a user who was not active"),
    ],
)
def test_a_user(desk: Desk, before: Any, after: Any, act: Act, reason: str) -> None:
    change = {"resource": "User", "id": "7", "version": "1", "before": before, "after": after}
    (signal,) = desk.accepted(desk.scim(change), OKTA)[1].signals
    assert signal.act is act
    assert signal.reason.startswith(reason)
    assert signal.subject.user_name in {"hana", "hana.lee"}


def test_an_employee_number_is_hr_s_own(desk: Desk) -> None:
    change = {"resource": "User", "id": "7", "version": "1", "before": None, "after": HANA}
    (signal,) = desk.accepted(desk.scim(change), OKTA)[1].signals
    assert signal.subject == Subject(hr_id="00u1", user_name="hana", email="hana@example.com")
    change["after"] = {**HANA, "employeeNumber": "E1007"}
    (signal,) = desk.accepted(desk.scim(change), OKTA)[1].signals
    assert signal.subject.hr_id == "E1007"


def test_who_comes_into_a_group_and_who_leaves_it_moves(desk: Desk) -> None:
    change = {
        "resource": "Group",
        "id": "9",
        "version": "1",
        "name": "Operators",
        "joined": [HANA],
        "left": [{"id": "8", "userName": "mina"}],
    }
    signals = desk.accepted(desk.scim(change), OKTA)[1].signals
    assert [(row.act, row.subject.user_name, row.reason) for row in signals] == [
        (Act.MOVE, "hana", "SCIM: came into the group Operators"),
        (Act.MOVE, "mina", "SCIM: left the group Operators"),
    ]


@pytest.mark.parametrize("token", ["", "1" * 64, TOKEN.upper() + "0", "\u00e9" * 64])
def test_another_token_is_refused(desk: Desk, token: str) -> None:
    with pytest.raises(RefusedError, match="send the bearer token of this source") as caught:
        desk.accepted(desk.scim({}, token=token), OKTA)
    assert caught.value.status == 401


def test_each_of_two_tokens_counts_while_one_replaces_the_other(desk: Desk) -> None:
    (desk.secrets.folder / "okta").write_text("1" * 64 + "\n\n" + TOKEN + "\n")
    change = {"resource": "User", "id": "7", "version": "1", "before": None, "after": HANA}
    for token in ("1" * 64, TOKEN):
        assert desk.accepted(desk.scim(change, token=token), OKTA)[1].signals


@pytest.mark.parametrize(
    "context", [{}, {"resource": "User"}, {"resource": "User", "id": "7", "version": "1"}, {"resource": "Printer"}]
)
def test_a_context_that_is_none_is_refused(desk: Desk, context: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        desk.accepted(desk.scim(context), OKTA)
    assert caught.value.status == 422


def test_each_version_is_another_message(desk: Desk) -> None:
    change = {"resource": "User", "id": "7", "version": "1", "before": HANA, "after": GONE}
    first, again, later, gone = (
        desk.accepted(desk.scim({**change, "version": version}, method), OKTA)[0].id
        for version, method in (("1", "PATCH"), ("1", "PATCH"), ("2", "PATCH"), ("1", "DELETE"))
    )
    assert first == again
    assert len({first, later, gone}) == 3
