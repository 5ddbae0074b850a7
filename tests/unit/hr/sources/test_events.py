"""What follows from a token, and whom it is about, in the words of the specifications' own examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from haechi.hr.signals import Act, Subject

from .conftest import IDP, Desk

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
PROV = "urn:ietf:params:scim:event:prov:"
USER = {"format": "scim", "uri": "/Users/44f6142df96bd6ab61e7521d9", "externalId": "E1007"}
OPAQUE = {"format": "opaque", "id": "E1007"}


@pytest.mark.parametrize(
    ("name", "event", "subject", "act"),
    [
        (f"{CAEP}session-revoked", {"event_timestamp": 1615304991}, OPAQUE, Act.FREEZE),
        (f"{CAEP}credential-change", {"credential_type": "fido2-roaming", "change_type": "revoke"}, OPAQUE, Act.FREEZE),
        (f"{CAEP}credential-change", {"credential_type": "x509", "change_type": "delete"}, OPAQUE, Act.FREEZE),
        (f"{CAEP}credential-change", {"credential_type": "password", "change_type": "update"}, OPAQUE, Act.NOTE),
        (f"{CAEP}credential-change", {"credential_type": "pin", "change_type": ["revoke"]}, OPAQUE, Act.NOTE),
        (f"{CAEP}device-compliance-change", {"current_status": "not-compliant"}, OPAQUE, Act.NOTE),
        (f"{RISC}sessions-revoked", {}, OPAQUE, Act.FREEZE),
        (f"{RISC}account-disabled", {"reason": "hijacking"}, OPAQUE, Act.LEAVE),
        (f"{RISC}account-purged", {}, OPAQUE, Act.LEAVE),
        (f"{RISC}account-enabled", {}, OPAQUE, Act.JOIN),
        (f"{RISC}credential-compromise", {"credential_type": "password"}, OPAQUE, Act.FREEZE),
        (f"{RISC}identifier-recycled", {}, OPAQUE, Act.NOTE),
        (f"{PROV}deactivate", {}, USER, Act.LEAVE),
        (f"{PROV}delete", {}, USER, Act.LEAVE),
        ("urn:ietf:params:SCIM:event:prov:delete", {}, USER, Act.LEAVE),
        (f"{PROV}activate", {}, USER, Act.JOIN),
        (f"{PROV}create:full", {"data": {"userName": "hana"}}, USER, Act.JOIN),
        (f"{PROV}patch:notice", {"attributes": ["title"]}, USER, Act.MOVE),
        (f"{PROV}put:full", {"data": {}}, USER, Act.MOVE),
        (f"{PROV}delete", {}, {"format": "scim", "uri": "/Groups/e9e30dba"}, Act.NOTE),
        (f"{PROV}deactivate", {}, OPAQUE, Act.NOTE),
        ("urn:ietf:params:scim:event:feed:remove", {}, USER, Act.NOTE),
        ("https://schemas.openid.net/secevent/ssf/event-type/verification", {"state": "VGhp"}, OPAQUE, Act.NOTE),
        ("https://example.com/event-type/of-their-own", {}, OPAQUE, Act.NOTE),
    ],
)
def test_an_event_asks_for(desk: Desk, name: str, event: dict[str, Any], subject: dict[str, Any], act: Act) -> None:
    _, reading = desk.accepted(desk.token({"events": {name: event}, "sub_id": subject}), IDP)
    assert [signal.act for signal in reading.signals] == [act]
    assert reading.signals[0].subject.hr_id == (None if "Groups" in str(subject) else "E1007") or act is Act.NOTE


@pytest.mark.parametrize("event", [f"{CAEP}session-revoked", f"{RISC}sessions-revoked"])
def test_policy_decides_whether_an_ended_session_freezes(desk: Desk, event: str) -> None:
    source = IDP.model_copy(update={"freezes": False})
    _, reading = desk.accepted(desk.token({"events": {event: {}}, "sub_id": OPAQUE}), source)
    assert [signal.act for signal in reading.signals] == [Act.NOTE]


BOTH = Subject(hr_id="E1007", user_name="E1007")


@pytest.mark.parametrize(
    ("claims", "subject"),
    [
        ({"sub_id": {"format": "opaque", "id": "E1007"}}, BOTH),
        ({"sub_id": {"format": "iss_sub", "iss": "https://idp.example.com/", "sub": "E1007"}}, BOTH),
        ({"sub_id": {"format": "email", "email": "hana@example.com"}}, Subject(email="hana@example.com")),
        (
            {"sub_id": {"format": "account", "uri": "acct:hana@example.com"}},
            Subject(user_name="hana", email="hana@example.com"),
        ),
        ({"sub_id": {"format": "phone_number", "phone_number": "+12065550100"}}, Subject()),
        (
            {
                "sub_id": {
                    "format": "aliases",
                    "identifiers": [
                        {"format": "email", "email": "hana@example.com"},
                        {"format": "opaque", "id": "E1007"},
                    ],
                }
            },
            Subject(hr_id="E1007", user_name="E1007", email="hana@example.com"),
        ),
        (
            {"sub_id": {"format": "complex", "session": {"format": "opaque", "id": "s"}, "user": OPAQUE}},
            BOTH,
        ),
        ({"sub_id": {"user": {"format": "complex", "user": OPAQUE}}}, Subject()),
        (
            {"sub_id": {"format": "scim", "uri": "/Users/44f6", "externalId": "E1007", "userName": "hana"}},
            Subject(hr_id="E1007", user_name="hana"),
        ),
        ({"sub_id": {"format": "scim", "uri": "https://idp/scim/v2/Users/44f6"}}, Subject(hr_id="44f6")),
        ({"subject": {"subject_type": "iss-sub", "iss": "https://idp/", "sub": "E1007"}}, BOTH),
        ({"subject": {"format": "opaque", "id": 7}}, Subject()),
        ({"subject": {"format": "opaque", "id": "E1007\nE2000"}}, Subject()),
        ({"sub": "E1007"}, BOTH),
        ({}, Subject()),
    ],
)
def test_a_token_is_about(desk: Desk, claims: dict[str, Any], subject: Subject) -> None:
    event = {name: value for name, value in claims.items() if name == "subject"}
    others = {name: value for name, value in claims.items() if name != "subject"}
    _, reading = desk.accepted(desk.token({"events": {f"{RISC}account-disabled": event}, **others}), IDP)
    assert [signal.subject for signal in reading.signals] == [subject]


def test_a_full_event_says_the_name_itself(desk: Desk) -> None:
    told = {"data": {"userName": "hana", "externalId": "E1007"}}
    subject = {"format": "scim", "uri": "/Users/44f6"}
    _, reading = desk.accepted(desk.token({"events": {f"{PROV}put:full": told}, "sub_id": subject}), IDP)
    assert reading.signals[0].subject == Subject(hr_id="44f6", user_name="hana")


def test_several_events_of_one_token(desk: Desk) -> None:
    events = {f"{CAEP}session-revoked": {}, f"{RISC}account-disabled": {}}
    _, reading = desk.accepted(desk.token({"events": events, "sub_id": OPAQUE}), IDP)
    assert [signal.act for signal in reading.signals] == [Act.FREEZE, Act.LEAVE]


def test_the_reason_names_event_and_issuer_and_nothing_that_a_stranger_wrote(desk: Desk) -> None:
    events = {f"{RISC}account-disabled": {"reason": "<b>x</b>"}, "https://example.com/<script>": {}}
    _, reading = desk.accepted(desk.token({"events": events, "sub_id": OPAQUE}), IDP)
    assert [signal.reason for signal in reading.signals] == [
        "account-disabled, says https://idp.example.com/",
        "an event of another kind, says https://idp.example.com/",
    ]


def test_a_token_keeps_its_name_wherever_it_comes_in(desk: Desk) -> None:
    message = desk.token({"events": {f"{RISC}account-disabled": {}}, "sub_id": OPAQUE})
    pushed, _ = desk.accepted(message, IDP)
    polled, _ = desk.accepted(replace(message, body=b" " + message.body + b"\n", method="POLL"), IDP)
    other, _ = desk.accepted(desk.token({"events": {f"{RISC}account-disabled": {}}, "jti": "two"}), IDP)
    assert pushed.id == polled.id != other.id
