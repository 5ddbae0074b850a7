"""Who moves to another job loses on one host before she gains on another."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from machines import INVENTORY, ROOT, Machine, run

Play = Callable[..., subprocess.CompletedProcess[str]]
BREAK, MEND = "mv /usr/sbin/usermod /usr/sbin/usermod.away", "mv /usr/sbin/usermod.away /usr/sbin/usermod"


@pytest.fixture
def play(machine: Machine, alone: Callable[[str], AbstractContextManager[None]]) -> Iterator[Play]:
    """Play the role on both releases with ann in these groups beside her own; both get her back as policy has her."""
    if machine.name != "trixie":
        pytest.skip("one move is for all machines")
    both = [Machine(name, machine.host, machine.keys) for name in ("trixie", "bookworm")]

    def made(**groups: set[str]) -> subprocess.CompletedProcess[str]:
        documents = {one.name: one.wanted() for one in both}
        for name, document in documents.items():
            row = next(row for row in document["accounts"] if row["id"] == "ann")
            row["groups"] = sorted(({*row["groups"]} - {"adm", "games"}) | groups[name])
        told = {"documents": documents, "accounts_desired": "{{ documents[inventory_hostname] }}"}
        playbook = str(ROOT / "molecule/accounts/converge.yml")
        return run("ansible-playbook", "-i", str(INVENTORY), playbook, "-e", json.dumps(told))

    with alone("bookworm"):
        yield made
        machine.root(f"test -x /usr/sbin/usermod || {MEND}")
        for one in both:
            assert one.make().get("failed") is not True


def groups(machine: Machine, host: str) -> set[str]:
    """Return the groups that ann has on a host, as her own login says."""
    return {*Machine(host, machine.host, machine.keys).login("ann", "id -nG").stdout.split()} & {"adm", "games"}


def test_a_mover_gains_nowhere_before_she_has_lost_everywhere(machine: Machine, play: Play) -> None:
    """While the host where she loses cannot do it, the run names it and the other gives her nothing."""
    assert play(trixie={"adm"}, bookworm=set()).returncode == 0
    assert (groups(machine, "trixie"), groups(machine, "bookworm")) == ({"adm"}, set())

    machine.root(BREAK)
    failed = play(trixie=set(), bookworm={"games"})
    assert failed.returncode != 0
    assert "ann: groups cannot become" in failed.stdout
    assert (groups(machine, "trixie"), groups(machine, "bookworm")) == ({"adm"}, set())

    machine.root(MEND)
    assert play(trixie=set(), bookworm={"games"}).returncode == 0
    assert (groups(machine, "trixie"), groups(machine, "bookworm")) == (set(), {"games"})
    again = play(trixie=set(), bookworm={"games"}).stdout
    assert again.count("changed=0 ") == 2, again
