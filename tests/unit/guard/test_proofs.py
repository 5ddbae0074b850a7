"""Which proofs a change asks for: of those who got in before, and by the ways the change can break."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from haechi.guard.proofs import Proof, Way, as_rows, attempts, run

PROVE = {
    "automation": "robot",
    "operators": [{"id": "ann", "keys": ["key-a"]}, {"id": "bob", "keys": ["key-b", "key-c"]}],
    "sentinel": "sentinel",
    "through": [],
}
ROBOT = ("_privileged", "web", "robot runs a command")
ANN = ("_offered", "ann", ["key-a"])
BOB = ("_offered", "bob", ["key-b", "key-c"])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "sentinel"
    path.write_text("a key")
    return path


def asked(
    prove: dict[str, object], entitled: list[str], *, key: Path | None = None, offers: bool = True
) -> list[tuple[object, ...]]:
    """Return each attempt as its kind and what it was given, without the way."""
    way = Way(common_args="-F x", host="web", sentinel_key=key)
    made = attempts(way, prove, entitled, offers=offers)
    assert [one.args[0] for one in made if isinstance(one, partial)] == [way] * len(made)
    return [(one.func.__name__, *one.args[1:]) for one in made if isinstance(one, partial)]


@pytest.mark.parametrize(
    ("entitled", "offers", "expected"),
    [
        pytest.param(["ann", "bob"], True, [ROBOT, ANN, BOB], id="everybody"),
        pytest.param(["bob"], True, [ROBOT, BOB], id="one-was-shut-out-before"),
        pytest.param(["bob", "zoe"], True, [ROBOT, BOB], id="a-stranger-is-not-asked-about"),
        pytest.param([], True, [ROBOT], id="nobody"),
        pytest.param(["ann", "bob"], False, [ROBOT], id="offers-off"),
    ],
)
def test_operators_are_offered_if_they_got_in_before(
    entitled: list[str], *, offers: bool, expected: list[tuple[object, ...]]
) -> None:
    """The automation is always proven and first, operators only where sshd or the network may have changed."""
    assert asked(PROVE, entitled, offers=offers) == expected


@pytest.mark.parametrize("offers", [True, False])
def test_the_sentinel_logs_in_with_its_key(key: Path, *, offers: bool) -> None:
    """A whole login is made wherever the sentinel's key file is at hand, whatever changed."""
    assert asked(PROVE, ["sentinel"], key=key, offers=offers) == [ROBOT, ("sentinel", "sentinel", key)]


@pytest.mark.parametrize(
    ("sentinel", "entitled", "path"),
    [
        pytest.param("sentinel", ["sentinel"], None, id="no-key-named"),
        pytest.param("sentinel", ["sentinel"], "missing", id="no-key-file"),
        pytest.param("sentinel", ["sentinel"], ".", id="a-folder-is-no-key"),
        pytest.param("sentinel", ["ann"], "sentinel", id="did-not-get-in-before"),
        pytest.param(None, ["sentinel"], "sentinel", id="no-sentinel"),
    ],
)
def test_no_sentinel_no_login(key: Path, sentinel: str | None, entitled: list[str], path: str | None) -> None:
    """Without an entitled sentinel and the file of its key its login is not asked for."""
    place = None if path is None else key.parent / path
    assert asked(PROVE | {"sentinel": sentinel}, entitled, key=place, offers=False) == [ROBOT]


def test_a_gateway_proves_the_zones_behind_it(key: Path) -> None:
    """A host of every zone behind a gateway is reached through it, right after the automation's own proof."""
    prove = PROVE | {"through": ["db", "backup"]}

    assert asked(prove, ["ann", "sentinel"], key=key) == [
        ROBOT,
        ("_privileged", "db", "db is reached through web"),
        ("_privileged", "backup", "backup is reached through web"),
        ("sentinel", "sentinel", key),
        ANN,
    ]


def test_proofs_are_told_as_rows() -> None:
    """All attempts are made, their order is kept, and each says what it showed and whether that is enough."""
    good = Proof(what="robot runs a command", expected="yes", seen="yes")
    bad = Proof(what="ann", expected="accepted", seen="refused")

    assert as_rows(run([lambda: good, lambda: bad])) == [
        {"what": "robot runs a command", "expected": "yes", "seen": "yes", "ok": True},
        {"what": "ann", "expected": "accepted", "seen": "refused", "ok": False},
    ]
