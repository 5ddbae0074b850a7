"""Offers and errands over real SSH, to servers in this very process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from haechi import errand as errands
from haechi.denial import Reached
from haechi.errand import AnswerError, Errand
from haechi.lane import FAULTS, Lane
from haechi.way import Way

from .served import KEYS, Site, line, pin, served, talk

MODULE_UTILS = Path(__file__).parents[3] / "plugins/module_utils"


def offered(folder: Path, person: str, *keys: str, site: Site | None = None, **more: Any) -> tuple[str, str]:
    """Return what a server says to somebody who offers these keys, and why nobody knows."""
    people = {person: [line(key) for key in keys]}
    found = talk(folder, lambda lane, way: lane.offers(replace(way, **more), people), site)
    return found[person].answer, found[person].why


def test_sshd_s_two_words_are_told_apart(tmp_path: Path) -> None:
    """The key that lets in is accepted though its private half is not here; a stranger's is refused."""
    assert offered(tmp_path, "hana", "hana") == ("accepted", "")
    assert offered(tmp_path, "hana", "eve") == ("refused", "")
    assert offered(tmp_path, "gone", "hana") == ("refused", "")


def test_one_accepted_key_of_several_lets_in(tmp_path: Path) -> None:
    """Only all keys refused keep a person out, and whoever has none was not asked about."""
    assert offered(tmp_path, "hana", "eve", "hana")[0] == "accepted"
    assert offered(tmp_path, "hana")[0] == "unknown"


def test_what_is_no_answer_is_unknown(tmp_path: Path) -> None:
    """A host that hangs up, one that nobody pinned, one with another's key, and none at all never deny anybody."""
    assert offered(tmp_path, "hana", "eve", site=Site(cuts=9))[0] == "unknown"
    assert offered(tmp_path, "hana", "eve", pinned=()) == ("unknown", "no key of h1 is pinned: run bootstrap for it")
    assert offered(tmp_path, "hana", "eve", pinned=pin("other"))[0] == "unknown"
    assert offered(tmp_path, "hana", "eve", port=1)[0] == "unknown"


def test_a_cut_is_tried_again_and_a_refusal_is_not(tmp_path: Path) -> None:
    """A busy sshd drops some (MaxStartups); a refusal that is asked twice would look like guessing."""
    busy, calm = Site(cuts=2), Site()

    assert offered(tmp_path, "hana", "hana", site=busy) == ("accepted", "")
    assert offered(tmp_path, "hana", "eve", site=calm) == ("refused", "")
    assert (busy.asked, calm.asked) == (["hana"] * 3, ["hana"])


def test_an_offer_signs_nothing(tmp_path: Path) -> None:
    """Neither the automation's key nor any other is offered in a person's name."""
    assert offered(tmp_path, "haechi", "eve") == ("refused", "")


def ssh_config(folder: Path, way: Way) -> tuple[str, ...]:
    kind, blob = line("host").split()[:2]
    (folder / "known_hosts").write_text(f"bastion {kind} {blob}\n")
    (folder / "config").write_text(
        f"Host bastion\n  HostName {way.address}\n  Port {way.port}\n  User haechi\n  HostKeyAlias bastion\n"
        f"  IdentityFile {folder / 'identity'}\n  UserKnownHostsFile {folder / 'known_hosts'}\n"
    )
    return ("-F", str(folder / "config"))


def test_the_way_leads_through_the_bastion_once(tmp_path: Path) -> None:
    """Four offers share one login at the bastion, and each is a connection of its own behind it."""
    bastion, behind = Site(), Site()

    async def act(lane: Lane, way: Way) -> Any:
        async with served(tmp_path, behind) as there:
            through = replace(there, jump=("bastion",), config=ssh_config(tmp_path, way))
            people = {"hana": [line("hana"), line("eve")], "gone": [line("eve"), line("hana")]}
            return there.port, await lane.offers(through, people)

    port, found = talk(tmp_path, act, bastion)
    assert {person: offer.answer for person, offer in found.items()} == {"hana": "accepted", "gone": "refused"}
    assert bastion.asked == ["haechi"]
    assert bastion.forwarded == [("127.0.0.1", port)] * 4
    assert sorted(behind.asked) == ["gone", "gone", "hana", "hana"]


def sent(folder: Path, errand: Errand, python: str = sys.executable, **more: Any) -> Any:
    """Return what a host answers to an errand, and how often it said that the doors are shut."""
    shut: list[bool] = []

    async def act(lane: Lane, way: Way) -> Any:
        host = Reached(lane=lane, arguments=tuple, python=python, found=replace(way, **more))
        return await host.errand(errand, lambda: shut.append(True)), len(shut)

    return talk(folder, act)


def test_the_errand_brings_its_code_along(tmp_path: Path) -> None:
    """It runs on a host where nothing is installed, behind whatever a login prints; as root it also sees something."""
    errand = errands.prepare("nobody-here", [line("hana")], {}, MODULE_UTILS, check=True)
    if os.geteuid() != 0:
        with pytest.raises(AnswerError, match=r"/etc/shadow.*nobody was denied here"):
            sent(tmp_path, errand)
        return
    told, _ = sent(tmp_path, errand)

    assert told["people"] == {"nobody-here": {"exists": False, "doors": [], "would_kill": [], "escalated": []}}
    assert told["changed"] is False


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit('no python here')", "no python here"),
        ("print('{\"people\": {}}')", "ended without an answer"),
        ('print(\'{"people": {}, "nonce": "older"}\')', "ended without an answer"),
        ("pass", "ended without an answer"),
        ("import json; print(json.dumps({'failed': 'is root', 'nonce': json.loads(line)['nonce']}))", "is root"),
    ],
)
def test_another_s_answer_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    """A program that fails, says nothing, or repeats an answer of old proves nothing."""
    monkeypatch.setattr(errands, "_BOOT", f"import sys\nline = sys.stdin.readline()\n{code}\n")

    with pytest.raises((AnswerError, *FAULTS), match=said):
        sent(tmp_path, Errand(request={"nonce": "mine"}, code=b""))


def test_a_host_that_does_not_let_the_automation_in_is_not_reached(tmp_path: Path) -> None:
    """Whoever cannot get in has denied nobody."""
    with pytest.raises(FAULTS, match="Permission denied"):
        sent(tmp_path, errands.prepare("hana", [], {}, MODULE_UTILS, check=True), user="stranger")


def key_file(folder: Path, name: str, passphrase: str | None = None) -> Path:
    path = folder / f"{name}_{passphrase}"
    KEYS[name].write_private_key(path)
    path.chmod(0o600)
    if passphrase is not None:
        change = ["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", str(path)]
        subprocess.run(change, check=True, capture_output=True)
    KEYS[name].write_public_key(f"{path}.pub")
    return path


@contextmanager
def agent(folder: Path, monkeypatch: pytest.MonkeyPatch, *keys: Path) -> Iterator[str]:
    """Run the real ssh-agent with some keys unlocked in it."""
    socket = str(folder / "agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", socket)
    process = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        for _attempt in range(50):
            if Path(socket).exists():
                break
            time.sleep(0.1)
        subprocess.run(["ssh-add", "-q", *keys], check=True, capture_output=True)
        yield socket
    finally:
        process.terminate()
        process.wait()


def enters(folder: Path, **more: Any) -> bool:
    async def act(lane: Lane, way: Way) -> bool:
        (await lane.log_in(replace(way, **more))).abort()
        return True

    return talk(folder, act)


def test_a_key_with_a_passphrase_comes_from_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ssh does it: the configuration names the file, the agent holds the key."""
    locked = key_file(tmp_path, "haechi", "secret")
    with agent(tmp_path, monkeypatch, key_file(tmp_path, "haechi")) as socket:
        assert enters(tmp_path, identities=(locked,), agent=socket, only=True)
        assert enters(tmp_path, identities=(), agent=socket, only=False)
        with pytest.raises(FAULTS, match="no private key to log in with"):
            enters(tmp_path, identities=(key_file(tmp_path, "eve", "secret"),), agent=socket, only=True)
    with pytest.raises(FAULTS, match="no private key to log in with"):
        enters(tmp_path, identities=(locked,), agent=socket, only=True)
