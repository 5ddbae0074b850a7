"""What nobody may use up: memory, time, the disk, the log, and the patience of whoever sends."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from haechi.hr.receive.app import app
from haechi.hr.receive.config import load
from haechi.hr.receive.rates import network

from .conftest import Site, built

LEAVE = b'{"event": "leave", "hr_id": "E1007"}'


def sized(site: Site, parts: Iterator[bytes], path: str = "/hook/hr") -> int:
    return site.client.post(path, content=parts, headers={**site.hook(b""), **site.bearer}).status_code


@pytest.mark.parametrize(
    ("path", "most"),
    [("/hook/hr", 65536), ("/set/idp", 65536), ("/scim/okta/v2/Users", 1048576), ("/roster/payroll", 4194304)],
)
def test_a_body_without_a_length_is_taken_in_no_further_than_its_bound(standing: Site, path: str, most: int) -> None:
    """As HTTP/1.1 sends it in chunks: the length is not known before."""
    taken = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        while taken < 10 * most:
            taken += 65536
            yield b" " * 65536

    assert sized(standing, parts(), path) == 413
    assert standing.kept() == ()


def test_a_source_that_asks_too_often_waits_and_a_stranger_uses_nothing_of_it_up(tmp_path: Path, keys: Path) -> None:
    site = built(tmp_path, keys, limits={"per_source": 2})
    with TestClient(app(site.config)) as site.client:
        for _ in range(5):
            assert site.client.post("/hook/hr", content=LEAVE).status_code == 401
        answers = [
            site.client.post("/hook/hr", content=LEAVE, headers=site.hook(LEAVE, f"msg_{number}"))
            for number in range(3)
        ]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 60
        assert answers[2].json()["detail"].startswith("too many requests: try again in")
        assert len(site.kept()) == 2


def test_an_address_that_asks_too_often_waits(tmp_path: Path, keys: Path) -> None:
    site = built(tmp_path, keys, limits={"per_address": 3})
    with TestClient(app(site.config)) as site.client:
        assert [site.client.get("/nothing").status_code for _ in range(5)] == [404, 404, 404, 429, 429]


@pytest.mark.parametrize(
    ("address", "whose"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::/64"), ("2001:db8::ffff:1", "2001:db8::/64"), ("x", "x")],
)
def test_whom_an_address_belongs_to(address: str, whose: str) -> None:
    assert network(address) == whose


@pytest.mark.parametrize("broken", ["disk", "database", "secret"])
def test_what_cannot_be_kept_is_not_claimed(site: Site, broken: str) -> None:
    inbox = site.client.app.state.reception.inbox  # type: ignore[attr-defined]
    if broken == "secret":
        (site.folder / "secrets/hr").unlink()
    with inbox.engine.connect() as connection:
        if broken == "disk":
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        if broken == "database":
            connection.exec_driver_sql("ALTER TABLE inbox RENAME TO gone")
            connection.commit()
    body = json.dumps({"event": "leave", "hr_id": "E1007", "reason": "x" * 400}).encode()
    answers = [site.client.post("/hook/hr", content=body, headers=site.hook(body, f"m{n}")) for n in range(20)]
    refused = [answer for answer in answers if answer.status_code != 202]
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.headers["retry-after"] for answer in refused} == {"30"}
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert "SQL" not in refused[0].text
    if broken != "database":
        assert len(site.kept()) == len(answers) - len(refused)


def test_a_change_of_scim_that_cannot_be_kept_does_not_count(site: Site) -> None:
    inbox = site.client.app.state.reception.inbox  # type: ignore[attr-defined]
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "hana"}
    with inbox.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE inbox RENAME TO gone")
    assert site.client.post("/scim/okta/v2/Users", json=user, headers=site.bearer).status_code == 503
    assert site.client.get("/scim/okta/v2/Users", headers=site.bearer).json()["totalResults"] == 0
    with inbox.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO inbox")
    assert site.client.post("/scim/okta/v2/Users", json=user, headers=site.bearer).status_code == 201
    assert len(site.kept()) == 1


def test_a_duplicate_is_answered_as_the_first_was(site: Site) -> None:
    headers = site.hook(LEAVE)
    answers = [site.client.post("/hook/hr", content=LEAVE, headers=headers) for _ in range(3)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 3
    assert len(site.kept()) == 1


@pytest.mark.parametrize(
    "path", ["/hook/none", "/hook/okta", "/set/hr", "/roster/idp", "/scim/hr/v2/Users", "/", "/openapi.json"]
)
def test_what_is_not_there(standing: Site, path: str) -> None:
    answer = standing.client.post(path, content=LEAVE)
    assert answer.status_code in (404, 405)
    assert answer.headers["content-type"] == "application/problem+json"


def test_it_says_that_it_lives(standing: Site) -> None:
    answer = standing.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})


def test_the_log_names_who_asked_for_what_and_nothing_secret(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = site.token[::-1]
    headers = {**site.hook(LEAVE), "authorization": f"Bearer {secret}", "cookie": secret}
    (site.folder / "secrets/hr").write_text("whsec_" + secret)
    for path in (f"/hook/hr?token={secret}", f"/scim/okta/v2/Users?filter=userName%20eq%20%22{secret}%22", "/x%0ay"):
        site.client.post(path, content=json.dumps({"password": secret}), headers=headers)
        site.client.get(path, headers=headers)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert any(line.startswith("testclient POST /hook/hr 503") for line in ours), ours
    assert any("/x%0ay 404" in line for line in ours), ours
    assert [line for line in ours if secret in line or site.token in line or "\n" in line] == []


@pytest.mark.exhaustive  # An interpreter of its own takes seconds to load all of it.
def test_the_receiver_needs_no_ansible_and_no_part_that_reaches_hosts() -> None:
    """It is installed without: whoever breaks into it finds no way on."""
    code = "import sys, haechi.hr.receive.serve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = done.stdout.split()
    others = {name.split(".")[0] for name in loaded}
    assert others.isdisjoint({"ansible", "ansible_runner", "asyncssh", "procrastinate", "alembic", "jinja2"})
    ours = {name.split(".")[1] for name in loaded if name.startswith("haechi.")}
    assert "hr" in ours
    assert ours.isdisjoint({"cli", "desired", "lane", "offboard", "errand", "pki", "tombstones", "observe"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone is none"),
        ({"resources": "inbox.sqlite"}, "one file"),
        ({"sources": [{"name": "a", "kind": "scim"}, {"name": "a", "kind": "set"}]}, "two sources have one name"),
        ({"limits": {"body": 0}}, "limits.body"),
        ({"sources": []}, "sources"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ],
)
def test_a_configuration_that_is_refused(standing: Site, tmp_path: Path, change: dict[str, object], words: str) -> None:
    path = tmp_path / "receive.json"
    path.write_text(json.dumps(standing.config.model_dump(mode="json") | change))
    with pytest.raises(ValueError, match=words):
        load(path)


def test_a_configuration_comes_back_from_its_file(standing: Site, tmp_path: Path) -> None:
    path = tmp_path / "receive.json"
    path.write_text(standing.config.model_dump_json())
    assert load(path) == standing.config


def test_times_are_those_of_the_arrival(site: Site) -> None:
    before = time.time()
    site.client.post("/hook/hr", content=LEAVE, headers=site.hook(LEAVE))
    assert before - 1 <= site.kept()[0].envelope.received.timestamp() <= time.time()
