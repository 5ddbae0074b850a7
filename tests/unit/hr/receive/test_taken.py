"""What is authentic is kept as it came, before it is answered; the same again is no second message."""

from __future__ import annotations

import json

from .conftest import Site

LEAVE = json.dumps({"event": "leave", "hr_id": "E1007", "reason": "resigned"}).encode()
DISABLED = {"https://schemas.openid.net/secevent/risc/event-type/account-disabled": {"reason": "hijacking"}}
ROSTER = b"issued,2026-11-26T09:00:00+09:00\nhr_id,user_name\nE1007,hana\n"


def test_a_webhook(site: Site) -> None:
    answer = site.client.post("/hook/hr", content=LEAVE, headers=site.hook(LEAVE))
    assert (answer.status_code, answer.content) == (202, b"")
    (row,) = site.kept()
    assert (row.envelope.body, row.envelope.source, row.envelope.path) == (LEAVE, "hr", "/hook/hr")


def test_a_token(site: Site) -> None:
    token = site.signed(site.claims(DISABLED, sub_id={"format": "opaque", "id": "E1007"}))
    answer = site.client.post("/set/idp", content=token, headers={"content-type": "application/secevent+jwt"})
    assert (answer.status_code, answer.content) == (202, b"")
    assert [row.envelope.body for row in site.kept()] == [token]


def test_a_roster(site: Site) -> None:
    answer = site.client.post("/roster/payroll", content=ROSTER, headers=site.roster(ROSTER))
    assert answer.status_code == 202, answer.text
    assert [row.envelope.body for row in site.kept()] == [ROSTER]


def test_a_user_of_scim(site: Site) -> None:
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "hana", "active": True}
    made = site.client.post("/scim/okta/v2/Users", json=user, headers=site.bearer)
    assert made.status_code == 201, made.text
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": "False"}],
    }
    answer = site.client.patch(f"/scim/okta/v2/Users/{made.json()['id']}", json=patch, headers=site.bearer)
    assert answer.status_code in (200, 204), answer.text
    created, left = (row.envelope for row in site.kept())
    assert (created.context["before"], created.context["after"]["userName"]) == (None, "hana")
    assert (left.context["before"]["active"], left.context["after"]["active"]) == (True, False)
