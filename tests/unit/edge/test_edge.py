"""The edge's parts that no machine is needed for: what is derived from policy, and what a candidate is put through."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.edge import alive, candidate, look

from haechi.desired import edge, leaves
from haechi.policy import load
from haechi.policy.models import Policy

EXAMPLE = Path(__file__).parents[3] / "inventories/example"
ROW = {"mode": "0644", "owner": "root", "group": "root"}


@pytest.fixture(scope="module")
def policy() -> Policy:
    loaded = load(EXAMPLE).policy
    assert loaded is not None
    return loaded


def with_edge(policy: Policy, **changes: object) -> Policy:
    assert policy.edge is not None
    return policy.model_copy(update={"edge": policy.edge.model_copy(update=changes)})


def test_only_the_pair_is_an_edge(policy: Policy) -> None:
    """Others have none of its files, and are asked for nothing in an audit."""
    made = {host: edge.build(policy, host) for host in policy.hosts}

    assert [host for host, document in made.items() if document is not None] == ["edge1", "edge2"]
    assert edge.asked(made["app1"]) == {}
    assert edge.asked(made["edge1"]) == {
        "port": 4721,
        "name": "ekyc.example.com",
        "address": "10.20.10.100",
        "here": "10.20.10.11",
        "source_connections": 40,
        "source_requests": 200,
        "body_kib": 10240,
    }


def test_each_of_the_two_knows_itself_and_the_other(policy: Policy) -> None:
    """The first in policy comes first when both are there."""
    one, two = (edge.build(policy, host) for host in ("edge1", "edge2"))

    assert one is not None
    assert two is not None
    assert one["here"] == two["peer"] == {"name": "edge1", "address": "10.20.10.11", "priority": 150}
    assert one["peer"] == two["here"] == {"name": "edge2", "address": "10.20.10.12", "priority": 100}


def test_a_last_day_ends_with_midnight_in_korea(policy: Policy) -> None:
    """The hosts compare seconds, so that nobody has to run anything that day."""
    made = edge.build(with_edge(policy, tls12_until=datetime(2026, 12, 31, tzinfo=UTC).date()), "edge1")

    assert made is not None
    assert made["tls12_ends"] == datetime(2026, 12, 31, 15, tzinfo=UTC).timestamp()
    assert made["exclusions"] == [
        {
            "id": "memo-quotes-sql",
            "number": 10001,
            "hosts": r"^(?:ekyc\.example\.com)$",
            "path": "/api/memo",
            "action": "ruleRemoveTargetById=942100;ARGS:text",
            "ends": datetime(2027, 12, 31, 15, tzinfo=UTC).timestamp(),
        }
    ]


def test_an_exclusion_without_an_argument_removes_its_rule_on_that_path(policy: Policy) -> None:
    """A narrow one is the other."""
    assert policy.edge is not None
    service = policy.edge.services["ekyc"]
    wide = service.exclusions[0].model_copy(update={"argument": None})
    services = {"ekyc": service.model_copy(update={"exclusions": (wide,)})}

    made = edge.build(with_edge(policy, services=services), "edge1")

    assert made is not None
    assert made["exclusions"][0]["action"] == "ruleRemoveById=942100"


def test_both_have_a_certificate_for_every_name_and_for_the_shared_address(policy: Policy) -> None:
    """It is taken by a reload, which ends no connection."""
    (leaf,) = [leaf for leaf in leaves.of(policy, "edge2") if leaf.name == "edge"]

    assert (leaf.names, list(map(str, leaf.addresses)), leaf.use) == (("ekyc.example.com",), ["10.20.10.100"], "both")
    assert leaf.reload == ("haproxy.service",)


def rows(*names: str) -> list[dict[str, str]]:
    return [ROW | {"path": f"/etc/{name}", "content": f"{name} reads /etc/{names[-1]}\n"} for name in names]


@pytest.mark.parametrize(("program", "refuses"), [("true", False), ("false", True)])
def test_a_program_reads_the_candidate_and_may_refuse_it(program: str, *, refuses: bool, tmp_path: Path) -> None:
    """Its exit code decides."""
    tests = ((program, "/etc/haechi-no-such/one"),)
    if not refuses:
        candidate.judge([], tests, str(tmp_path))
        return
    with pytest.raises(candidate.RefusedError, match="false refuses it, and what was there goes on"):
        candidate.judge([], tests, str(tmp_path))


def test_companions_are_read_from_the_same_place() -> None:
    """A file that includes another must not include the one that is in force."""
    one, _ = rows("haechi-one", "haechi-two")
    places = {"/etc/haechi-one": "/run/x/etc/haechi-one", "/etc/haechi-two": "/run/x/etc/haechi-two"}

    assert candidate.moved(one, places) == "haechi-one reads /run/x/etc/haechi-two\n"


@pytest.mark.parametrize(
    ("said", "expected"),
    [(b"HTTP/1.0 200 OK\r\n\r\n", True), (b"HTTP/1.0 503 Service Unavailable\r\n\r\n", False), (b"", False)],
)
def test_an_edge_is_alive_when_haproxy_says_so(tmp_path: Path, said: bytes, *, expected: bool) -> None:
    """Without its WAF it answers 503, and the address leaves this host."""
    place = str(tmp_path / "alive.sock")
    with socket.socket(socket.AF_UNIX) as heard:
        heard.bind(place)
        heard.listen()

        def answer() -> None:
            line, _ = heard.accept()
            with line:
                line.recv(100)
                line.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        assert alive.alive(place) is expected
        thread.join()


def test_an_edge_where_nothing_listens_is_not_alive(tmp_path: Path) -> None:
    """Also where nothing was ever installed."""
    assert not alive.alive(str(tmp_path / "nothing.sock"))


def test_a_request_whose_line_was_dropped_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never arrives is told; the other parts of the request are looked for in what did."""
    asked: list[str] = []
    monkeypatch.setattr(look, "status", lambda _asked, path, **_more: asked.append(path) or 200)
    monkeypatch.setattr(look, "_logged", lambda _since, word: f"GET /.haechi/{word}" if len(asked) > 1 else "")

    assert look.log({}) == {"path": True, "also": []}
    assert len(asked) == 2
    assert len(set(asked)) == 1


def test_a_log_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that journald writes after 20 s has the request; one that has nothing after half a minute never will."""
    for late, there in ((20, True), (40, False)):
        clock = [0.0]
        monkeypatch.setattr(look.time, "monotonic", lambda clock=clock: clock[0])
        monkeypatch.setattr(look, "status", lambda *_, **__: 200)

        def logged(_since: int, word: str, clock: list[float] = clock, late: int = late) -> str:
            clock[0] += 2
            return word if clock[0] > late else ""

        monkeypatch.setattr(look, "_logged", logged)

        assert look.log({})["path"] is there
