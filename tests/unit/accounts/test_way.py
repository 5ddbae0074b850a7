"""How a host is reached: what ssh's own configuration says, read as ssh reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from haechi import sshconfig
from haechi import way as ways
from haechi.fleet import inventory
from haechi.policy import load
from haechi.policy.models import Policy

from .served import line, pin


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


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("nc %n %h %p %r", "nc h7 10.0.0.7 22 a%p"),
        ("date +%%h", "date +%h"),
        ("date +%%%h", "date +%10.0.0.7"),
        ("date +%%%%p", "date +%%p"),
    ],
)
def test_tokens_are_replaced_in_one_pass(said: str, command: str) -> None:
    """What a token gave is text, and so is what follows a percent sign that was written twice."""
    way = ways.read("h7", f"hostname 10.0.0.7\nport 22\nuser a%p\nproxycommand {said}\n")

    assert way.command == command
