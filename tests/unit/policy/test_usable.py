"""A typo keeps no leaver inside: what is left of a broken policy, and what a run about people may use of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from haechi import gate, tombstones
from haechi.policy import load
from haechi.policy.resolve import access_on

BASE = Path(__file__).parents[2] / "cases/validate/base"
HOSTS = ("gate1", "jump1", "db1")
NOBODY: frozenset[str] = frozenset()


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path / "state"))
    shutil.copytree(BASE, tmp_path / "inventory")
    return tmp_path / "inventory"


def put(inventory: Path, file: str, find: str, instead: str) -> None:
    path = inventory / "group_vars/all/policy" / file
    assert find in path.read_text()
    path.write_text(path.read_text().replace(find, instead))


DAMAGE = [
    ("network.yml", "ports: [5432], reason", "ports: [99999], reason"),
    ("network.yml", "to: [db1], ports: [5432]", "to: [bd1], ports: [5432]"),
    ("network.yml", "cidr: 10.2.0.0/24", "cidr: 10.2.0.0/99"),
    ("network.yml", "address: 10.2.0.11", "address: 10.2.0.311"),
    ("network.yml", "zone: data, address", "zoen: data, address"),
    ("access.yml", "/usr/bin/id", "5"),
    (
        "access.yml",
        "hosts: [all]\n    sudo: [{commands: [/usr/bin/id]",
        "hosts: all\n    sudo: [{commands: [/usr/bin/id]",
    ),
    ("access.yml", "  operator:", "  operater:"),
    ("identities.yml", "id: eve", "id: EVE"),
    ("identities.yml", "name: Bob", "name: no"),
    ("waivers.yml", "approver: bob, ", ""),
    ("sshd.yml", "max_auth_tries: 4", "max_auth_tries: 99"),
    ("site.yml", "banner: Authorised use only.", "banner: []"),
    ("sshd.yml", "sshd:", "hr: {sources: [{name: okta, kind: skim}]}\nsshd:"),
]


@pytest.mark.parametrize(("file", "find", "instead"), DAMAGE, ids=[f"{file}: {put}" for file, _, put in DAMAGE])
def test_a_typo_keeps_no_leaver_inside(inventory: Path, file: str, find: str, instead: str) -> None:
    """Every host is still known, and the leaver is still looked for on each of them."""
    put(inventory, file, find, instead)

    passed = gate.judge(inventory, HOSTS, {}, ("bob",))
    usable = load(inventory).usable

    assert passed.warnings
    assert {host: {"prove"} for host in HOSTS} == {host: set(parts) for host, parts in passed.desired.items()}
    assert usable is not None
    for host in HOSTS:
        assert next(a.login for a in access_on(usable, host, NOBODY) if a.identity.id == "bob"), host


@pytest.mark.parametrize(("file", "find", "instead"), DAMAGE, ids=[f"{file}: {put}" for file, _, put in DAMAGE])
def test_the_same_typo_stops_every_other_run(inventory: Path, file: str, find: str, instead: str) -> None:
    """No host is configured from a policy that is not right."""
    put(inventory, file, find, instead)

    with pytest.raises(gate.GateError, match="no host was touched"):
        gate.judge(inventory, HOSTS, {}, None)


@pytest.mark.parametrize(
    ("file", "find", "instead"),
    [
        ("site.yml", "name: base", "name: Base!"),
        ("network.yml", "  db1: {zone", "  DB1: {zone"),
        ("identities.yml", "id: bob", "id: BOB"),
        ("network.yml", "zones:", "zones: ["),
    ],
    ids=["the state folder's name", "a host's name", "the leaver's own id", "the file of the hosts"],
)
def test_what_must_not_be_guessed_is_not(inventory: Path, file: str, find: str, instead: str) -> None:
    """A wrong list of leavers, a host left out or another person would be called a success."""
    put(inventory, file, find, instead)

    with pytest.raises(gate.GateError):
        gate.judge(inventory, HOSTS, {}, ("bob",))


def test_a_leaver_whom_policy_does_not_name_is_looked_for(inventory: Path) -> None:
    """With a warning; what can be nobody's id is refused."""
    passed = gate.judge(inventory, HOSTS, {}, ("ghost",))

    assert "-e: person: policy does not name ghost. Every host is looked at" in " ".join(passed.warnings)
    with pytest.raises(gate.GateError, match=r"no identity has the id '\.\./ghost'"):
        gate.judge(inventory, HOSTS, {}, ("../ghost",))


def test_a_leaver_whom_policy_calls_active_is_told(inventory: Path) -> None:
    """The list of leavers outranks the people file, and says so until they agree."""
    tombstones.record(inventory.parent / "state/base", "bob")

    passed = gate.judge(inventory, HOSTS, {}, None)

    (warning,) = passed.warnings
    assert warning.startswith("group_vars/all/policy/identities.yml:4: identities[2].state: bob has been offboarded")
    assert warning.endswith("Say `state: disabled` with `since: YYYY-MM-DD`.")


@pytest.mark.parametrize("core", ["2.20.9", "2.22.0", "3.1.0"])
def test_an_ansible_that_nobody_tried_is_refused(core: str) -> None:
    """In one sentence, with the way out."""
    with pytest.raises(gate.GateError, match=rf"ansible-core {core} is not supported: use 2\.21 or later"):
        gate.versions(core, "0.1.0")


def test_two_halves_of_two_releases_are_refused() -> None:
    """An installed package of yesterday beside a collection of today."""
    with pytest.raises(gate.GateError, match=r"haechi 0\.1\.0 is installed, but haechi\.guard is 0\.2\.0"):
        gate.versions("2.21.5", "0.2.0")


def test_a_secret_of_hr_that_was_never_made_stops_only_the_receiver_s_rollout(inventory: Path) -> None:
    """Every other run of the site begins, with a warning; the receiver's part says what it lacks."""
    case = yaml.safe_load((BASE.parent / "hr_that_is_heard.yml").read_text())
    for edit in case["edits"]:
        put(inventory, edit["file"], edit["find"], edit["put"])
    for name, text in case["add"].items():
        (inventory / name).write_text(text)

    passed = gate.judge(inventory, HOSTS, {}, None)

    receive = passed.desired["db1"]["offboarding"]["receive"]  # type: ignore[index] # a document is JSON
    wanted = [f"run `haechi hr secret {name}` for this inventory" for name in ("okta", "payroll")]
    assert [line.rpartition(": ")[2] for line in receive["lacking"]] == wanted
    assert [line.rpartition(": ")[2] for line in passed.warnings if "hr/secrets" in line] == wanted
    assert [
        line for line in gate.judge(inventory, HOSTS, {}, None, documents=False).warnings if "secrets" in line
    ] == []
