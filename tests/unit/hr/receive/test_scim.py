"""SCIM as Okta and Entra speak it, in the words of their own documentation.

https://developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20/
https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from httpx import Response

from haechi.hr import sources
from haechi.hr.signals import Act

from .conftest import Site

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

ENTRA = {
    "schemas": [CORE, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1",
    "active": True,
    "emails": [{"primary": True, "type": "work", "value": "Test_User_fd0ea19b@testuser.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
    "roles": [],
}
OKTA = {
    "schemas": [CORE],
    "userName": "test.user@okta.local",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": True, "value": "test.user@okta.local", "type": "work"}],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


class Scim:
    """A provider's client."""

    def __init__(self, site: Site) -> None:
        """Take the receiver."""
        self.site = site

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Send a request."""
        sent = {**self.site.bearer, "content-type": "application/scim+json", **headers}
        content = None if body is None else json.dumps(body)
        return self.site.client.request(method, f"/scim/okta/v2{path}", content=content, headers=sent)

    def made(self, user: dict[str, Any]) -> str:
        """Create a resource, and return its id."""
        answer = self.ask("POST", "/Groups" if user["schemas"] == [GROUP] else "/Users", user)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def patch(self, path: str, *operations: dict[str, Any]) -> Response:
        """Change a resource."""
        answer = self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})
        assert answer.status_code in (200, 204), answer.text
        return answer

    def acts(self) -> list[tuple[Act, str | None]]:
        """Return what follows from all that was kept, as the worker reads it, and empty the inbox."""
        reception = self.site.client.app.state.reception  # type: ignore[attr-defined]
        source = self.site.config.sources[0]
        rows = self.site.kept()
        reception.inbox.forget(rows[-1].number if rows else 0)
        found = []
        for row in rows:
            read = sources.read(row.envelope, source, reception.secrets, row.envelope.received, None)  # type: ignore[arg-type]
            found += [(signal.act, signal.subject.user_name) for signal in read.signals]
        return found


@pytest.fixture
def scim(site: Site) -> Scim:
    return Scim(site)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "path": "active", "value": [{"value": "False"}]},
        *(
            pytest.param(operation, marks=pytest.mark.exhaustive)
            for operation in (
                {"op": "Replace", "path": "active", "value": False},
                {"op": "replace", "path": "active", "value": "false"},
                {"op": "Replace", "value": {"active": False}},
                {"op": "Add", "path": "active", "value": "False"},
                {"op": "replace", "path": f"{CORE}:active", "value": False},
            )
        ),
    ],
)
def test_entra_disables_a_user(scim: Scim, operation: dict[str, Any]) -> None:
    name = scim.made(ENTRA)
    assert scim.acts() == [(Act.JOIN, ENTRA["userName"])]
    scim.patch(f"/Users/{name}", operation)
    assert scim.acts() == [(Act.LEAVE, ENTRA["userName"])]
    assert scim.ask("GET", f"/Users/{name}").json()["active"] is False


def test_entra_deletes_a_user_a_month_after(scim: Scim) -> None:
    name = scim.made(ENTRA)
    scim.patch(f"/Users/{name}", {"op": "Replace", "path": "active", "value": "False"})
    assert scim.ask("DELETE", f"/Users/{name}").status_code == 204
    assert [act for act, _ in scim.acts()] == [Act.JOIN, Act.LEAVE, Act.NOTE]
    assert scim.ask("GET", f"/Users/{name}").status_code == 404
    assert scim.ask("DELETE", f"/Users/{name}").status_code == 404
    assert scim.acts() == []


def test_a_user_who_is_deleted_while_active_has_left(scim: Scim) -> None:
    name = scim.made(ENTRA)
    assert scim.ask("DELETE", f"/Users/{name}").status_code == 204
    assert [act for act, _ in scim.acts()] == [Act.JOIN, Act.LEAVE]


def test_entra_changes_several_attributes_of_which_we_keep_one(scim: Scim) -> None:
    name = scim.made(ENTRA)
    scim.acts()
    scim.patch(f"/Users/{name}", {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"})
    assert scim.acts() == []
    scim.patch(
        f"/Users/{name}",
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updatedEmail@microsoft.com"},
        {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "KR"},
        {"op": "Add", "path": f"{ENTERPRISE}:employeeNumber", "value": "E1007"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
    )
    assert [act for act, _ in scim.acts()] == [Act.MOVE]
    kept = scim.ask("GET", f"/Users/{name}").json()
    assert kept["emails"][0]["value"] == "updatedEmail@microsoft.com"
    assert kept[ENTERPRISE] == {"employeeNumber": "E1007"}


def test_okta_looks_a_user_up_creates_and_deactivates_it_by_put(scim: Scim) -> None:
    query = "/Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100"
    assert scim.ask("GET", query).json()["totalResults"] == 0
    name = scim.made(OKTA)
    found = scim.ask("GET", query.replace("test.user", "TEST.User")).json()
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, name)
    answer = scim.ask("PUT", f"/Users/{name}", {**OKTA, "id": name, "active": False})
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    assert scim.acts() == [(Act.JOIN, OKTA["userName"]), (Act.LEAVE, OKTA["userName"])]
    again = scim.ask("PUT", f"/Users/{name}", {**OKTA, "id": name, "active": True})
    assert again.status_code == 200
    assert scim.acts() == [(Act.JOIN, OKTA["userName"])]


def test_okta_deactivates_by_patch(scim: Scim) -> None:
    name = scim.made(OKTA)
    scim.patch(f"/Users/{name}", {"op": "replace", "value": {"active": False}})
    assert [act for act, _ in scim.acts()] == [Act.JOIN, Act.LEAVE]


def test_a_request_that_is_sent_again_changes_nothing_and_is_no_second_message(scim: Scim) -> None:
    name = scim.made(OKTA)
    for _ in range(3):
        scim.patch(f"/Users/{name}", {"op": "replace", "value": {"active": False}})
    scim.ask("PUT", f"/Users/{name}", {**OKTA, "active": False})
    assert [act for act, _ in scim.acts()] == [Act.JOIN, Act.LEAVE]


def test_a_second_user_of_the_name_is_refused(scim: Scim) -> None:
    scim.made(OKTA)
    answer = scim.ask("POST", "/Users", {**OKTA, "userName": OKTA["userName"].upper()})
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
    assert [act for act, _ in scim.acts()] == [Act.JOIN]


def test_group_members_move(scim: Scim) -> None:
    hana, mina = scim.made(OKTA), scim.made({**OKTA, "userName": "mina"})
    group = scim.made({"schemas": [GROUP], "displayName": "Operators", "members": [{"value": hana}]})
    scim.acts()
    path = f"/Groups/{group}"
    scim.patch(path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": mina}]})
    assert scim.acts() == [(Act.MOVE, "mina")]
    scim.patch(path, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": mina}]})
    assert scim.acts() == [(Act.MOVE, "mina")]
    scim.patch(path, {"op": "remove", "path": f'members[value eq "{hana}"]'})
    assert scim.acts() == [(Act.MOVE, OKTA["userName"])]
    scim.patch(path, {"op": "Replace", "path": "displayName", "value": "Operations"})
    assert scim.acts() == []
    assert scim.ask("DELETE", path).status_code == 204
    assert scim.acts() == []


def test_an_etag_that_is_old_is_refused(scim: Scim) -> None:
    name = scim.made(OKTA)
    etag = scim.ask("GET", f"/Users/{name}").headers["etag"]
    assert scim.ask("GET", f"/Users/{name}", **{"if-none-match": etag}).status_code == 304
    scim.patch(f"/Users/{name}", {"op": "replace", "path": "userName", "value": "other"})
    answer = scim.ask("PUT", f"/Users/{name}", {**OKTA, "active": False}, **{"if-match": etag})
    assert answer.status_code == 412
    assert [act for act, _ in scim.acts()] == [Act.JOIN, Act.MOVE]


def test_pages(scim: Scim) -> None:
    for number in range(5):
        scim.made({"schemas": [CORE], "userName": f"user{number}"})
    page = scim.ask("GET", "/Users?startIndex=2&count=2&sortBy=userName").json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, 2, 2)
    assert [row["userName"] for row in page["Resources"]] == ["user1", "user2"]


def test_a_source_sees_no_resource_of_another(site: Site, scim: Scim) -> None:
    scim.made(OKTA)
    reception = site.client.app.state.reception  # type: ignore[attr-defined]
    with reception.directory.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE resource SET source = 'entra'")
    assert scim.ask("GET", "/Users").json()["totalResults"] == 0


def test_nothing_is_kept_that_is_not_needed(scim: Scim) -> None:
    scim.patch(f"/Users/{scim.made(OKTA)}", {"op": "replace", "value": {"password": "s3cr3t-0ther", "active": False}})
    scim.site.client.close()
    for path in scim.site.folder.glob("*.sqlite*"):
        data = path.read_bytes()
        for secret in (b"1mz050nq", b"s3cr3t-0ther", b"Test User", b"givenName", scim.site.token.encode()):
            assert secret not in data, path


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", "{", 400),
        ("POST", "/Users", "[" * 100_000, 400),
        ("POST", "/Users", '{"userName": "a", "userName": "b"}', 400),
        ("POST", "/Users", '{"schemas": ["@CORE"]}', 400),
        ("POST", "/Users", '{"schemas": ["@CORE"], "userName": "a\\nb"}', 400),
        ("POST", "/Users", '{"schemas": ["@CORE"], "userName": "' + "a" * 401 + '"}', 400),
        ("POST", "/Users", '{"schemas": ["@CORE"], "userName": ["a"]}', 400),
        ("PATCH", "/Users/none", '{"schemas": ["@PATCH"], "Operations": 7}', 400),
        ("PATCH", "/Users/none", '{"schemas": ["@PATCH"], "Operations": [7]}', 400),
        ("GET", "/Users?filter=userName%20eq", None, 400),
        ("GET", "/Users?filter=" + "(" * 2000, None, 400),
        ("GET", "/Users?count=many", None, 400),
        ("GET", "/Printers", None, 404),
        ("GET", "/Me", None, 501),
        ("POST", "/Bulk", "{}", 501),
        ("DELETE", "/Users", None, 405),
        ("GET", "/../../set/idp", None, 404),
    ],
)
def test_what_scim_is_refused_for(standing: Site, method: str, path: str, body: str | None, status: int) -> None:
    content = body and body.replace("@CORE", CORE).replace("@PATCH", PATCH)
    answer = standing.client.request(method, f"/scim/okta/v2{path}", content=content, headers=standing.bearer)
    assert answer.status_code == status, answer.text
    assert standing.kept() == ()


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic eDp5", "bearer \u00e9"])
def test_without_its_token_a_source_is_told_nothing(standing: Site, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header.encode()}
    for path in ("/Users", "/ServiceProviderConfig", "/Schemas", "/nothing"):
        answer = standing.client.get(f"/scim/okta/v2{path}", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="SCIM"')
        assert answer.headers["content-type"] == "application/problem+json"


def test_discovery(standing: Site) -> None:
    def ask(path: str) -> Any:
        return standing.client.get(f"/scim/okta/v2{path}", headers=standing.bearer).json()

    config = ask("/ServiceProviderConfig")
    supported = {name: config[name]["supported"] for name in ("patch", "bulk", "filter", "sort", "etag")}
    assert supported == {"patch": True, "bulk": False, "filter": True, "sort": True, "etag": True}
    assert {row["endpoint"] for row in ask("/ResourceTypes")["Resources"]} == {"/Users", "/Groups"}
    assert {row["id"] for row in ask("/Schemas")["Resources"]} == {CORE, ENTERPRISE, GROUP}


@pytest.mark.parametrize("host", ["", "a b", "[::1", "x:99999999", "\u00e9", "//evil"])
def test_a_strange_host_is_no_defect(standing: Site, host: str) -> None:
    headers = {**standing.bearer, "host": host.encode()}
    assert standing.client.get("/scim/okta/v2/Schemas", headers=headers).status_code in (200, 400)
