"""Offers and errands over real SSH, to servers in this very process."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from haechi import errand as errands
from haechi import sshconfig
from haechi import way as ways
from haechi.denial import Reached
from haechi.errand import AnswerError, Errand
from haechi.fleet import inventory
from haechi.hostkeys import HostKey
from haechi.lane import FAULTS, Lane
from haechi.policy import load
from haechi.policy.models import Policy
from haechi.way import Way

KEYS = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "other", "haechi", "hana", "eve")}
MODULE_UTILS = Path(__file__).parents[3] / "plugins/module_utils"


def line(name: str) -> str:
    return KEYS[name].export_public_key().decode().strip()


def pin(name: str) -> tuple[HostKey]:
    kind, blob = line(name).split()[:2]
    return (HostKey(kind, blob),)


@dataclass
class Site:
    """A server's mind: whom it lets in, how many it hangs up on first, and what it was asked for."""

    may: tuple[str, ...] = ("haechi", "hana")
    cuts: int = 0
    asked: list[str] = field(default_factory=list)
    forwarded: list[tuple[str, int]] = field(default_factory=list)


class Server(asyncssh.SSHServer):
    """Lets in who comes with the key of their own."""

    def __init__(self, site: Site) -> None:  # noqa: D107 - as above
        self.site = site

    def connection_made(self, conn: Any) -> None:  # noqa: D102 - asyncssh's
        self.conn = conn

    def begin_auth(self, username: str) -> bool:  # noqa: D102 - asyncssh's
        self.site.asked.append(username)
        if self.site.cuts:
            self.site.cuts -= 1
            self.conn.abort()
        return True

    def public_key_auth_supported(self) -> bool:  # noqa: D102 - asyncssh's
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:  # noqa: D102 - asyncssh's
        return username in self.site.may and key.public_data == KEYS[username].public_data

    def connection_requested(self, dest_host: str, dest_port: int, *_: object) -> bool:  # noqa: D102 - asyncssh's
        self.site.forwarded.append((dest_host, dest_port))
        return True


async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Carry a command out on this machine, without the step to root."""
    argv = [word for word in shlex.split(process.command or "") if word not in {"sudo", "-n", "--"}]
    child = await asyncio.create_subprocess_exec(*argv, stdin=-1, stdout=-1, stderr=-1)
    out, err = await child.communicate(await process.stdin.read())
    process.stdout.write(b"Welcome to this host\n" + out)
    process.stderr.write(err)
    process.exit(child.returncode or 0)


@asynccontextmanager
async def served(folder: Path, site: Site) -> Any:
    """Serve on loopback; yield the way there."""
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Server(site),
        server_host_keys=[KEYS["host"]],
        process_factory=answer,
        encoding=None,
    )
    identity = folder / "identity"
    KEYS["haechi"].write_private_key(identity)
    async with server:
        yield Way(
            host="h1",
            address="127.0.0.1",
            port=server.get_port(),
            user="haechi",
            pinned=pin("host"),
            identities=(identity,),
            connect_s=5.0,
        )


def talk(folder: Path, act: Callable[[Lane, Way], Awaitable[Any]], site: Site | None = None) -> Any:
    async def whole() -> Any:
        lane = Lane()
        async with served(folder, site or Site()) as way:
            try:
                return await act(lane, way)
            finally:
                await lane.close()

    return asyncio.run(whole())


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
        host = Reached(lane=lane, arguments=(), python=python, found=replace(way, **more))
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


def test_the_agent_is_the_one_that_ssh_would_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, a variable by its name, or none (ssh_config(5), IdentityAgent)."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/one")
    monkeypatch.setenv("OTHER", "/run/two")
    found = [
        ways.read("h7", f"hostname h7\nuser a\nidentityagent {word}\n").agent
        for word in ("SSH_AUTH_SOCK", "$OTHER", "/run/three", "none")
    ]

    assert found == ["/run/one", "/run/two", "/run/three", None]
    assert ways.read("h7", "hostname h7\nuser a\n").agent == "/run/one"


def load_fleet(folder: Path) -> Policy:
    inventory.write(folder / "inventory", 10)
    policy = load(folder / "inventory").policy
    assert policy is not None
    return policy


SAID = """\
host h7
user haechi
hostname 10.0.0.7
port 22
identitiesonly yes
hostkeyalias h7
userknownhostsfile {folder}/known_hosts
identityfile {folder}/one
identityfile {folder}/missing
proxyjump bastion
connecttimeout 7
"""


def test_the_way_is_what_ssh_says(tmp_path: Path) -> None:
    """Addresses, pinned keys, identities and the jump come from ssh's own configuration, whoever wrote it."""
    (tmp_path / "one").touch()
    (tmp_path / "known_hosts").write_text(f"h7 {line('host')}\nh8 {line('other')}\n")
    way = ways.read("h7", SAID.format(folder=tmp_path))

    assert (way.address, way.port, way.user, way.jump, way.connect_s) == ("10.0.0.7", 22, "haechi", ("bastion",), 7.0)
    assert (way.pinned, way.identities) == (pin("host"), (tmp_path / "one", tmp_path / "missing"))
    assert way.only is True


@pytest.mark.parametrize("host", ["bastion", "h001", "h007"])
@pytest.mark.parametrize("more", [(), ("-l", "somebody")])
def test_what_haechi_wrote_is_read_as_ssh_reads_it(host: str, more: tuple[str, ...], tmp_path: Path) -> None:
    """The program ssh is the oracle; a file that anybody touched is left to it."""
    text = sshconfig.render(load_fleet(tmp_path), tmp_path, tmp_path / "one")
    (tmp_path / "known_hosts").write_text(f"{host} {line('host')}\n")
    found = {}
    for name, content in (("ours", text), ("touched", f"{text}\nMatch all\n  Port 2222\n")):
        (tmp_path / name).write_text(content)
        found[name] = ways.find(("-F", str(tmp_path / name), *more), host)

    assert sshconfig.parse(text) is not None
    assert sshconfig.parse((tmp_path / "touched").read_text()) is None
    assert replace(found["ours"], config=()) == replace(found["touched"], config=())
    assert found["ours"].pinned == pin("host")


@pytest.mark.parametrize(
    "touch",
    [
        lambda text: text.replace("Host h001", "Host h001 h002"),
        lambda text: text.replace("Host h001", "Host h0*"),
        lambda text: text.replace("  User ", "  ProxyCommand nc %h %p\n  User "),
        lambda text: f"Include other\n{text}",
        lambda text: f"{text}\nHost late\n  Port 2222\n",
        lambda text: text.partition("Host *")[0],
    ],
)
def test_a_configuration_that_somebody_touched_is_ssh_s_to_read(touch: Callable[[str], str], tmp_path: Path) -> None:
    """Nothing is guessed."""
    text = sshconfig.render(load_fleet(tmp_path), tmp_path, tmp_path / "one")

    assert touch(text) != text
    assert sshconfig.parse(touch(text)) is None


def test_a_port_of_its_own_is_part_of_a_pin_s_name(tmp_path: Path) -> None:
    """As ssh writes it where no alias is set (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    (tmp_path / "known_hosts").write_text(f"[10.0.0.7]:2222 {line('host')}\n10.0.0.7 {line('other')}\n")
    text = f"hostname 10.0.0.7\nport 2222\nuser a\nuserknownhostsfile {tmp_path}/known_hosts\n"

    assert ways.read("h7", text).pinned == pin("host")


def test_a_proxy_command_knows_where_it_leads() -> None:
    """Its tokens are ssh's (ssh_config(5), TOKENS)."""
    way = ways.read("h7", "hostname 10.0.0.7\nport 22\nuser a\nproxycommand nc -X 5 %h %p\n")

    assert (way.command, way.jump) == ("nc -X 5 10.0.0.7 22", ())
