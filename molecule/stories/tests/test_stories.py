"""A guarded change that goes wrong in the middle leaves the old state, and nobody shut out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from namespaces import inside
from testinfra.host import Host

from .conftest import HANG, INVENTORY, ROOT, STATE, Controller, Machine, kill, wait

Started = Callable[..., subprocess.Popen[str]]

NFT = "/etc/haechi/story.nft"
SHUT = """\
add table inet story
delete table inet story
table inet story {
  chain input { type filter hook input priority -50; policy accept; tcp dport 22 drop; }
}
"""
HARMLESS = SHUT.replace("tcp dport 22 drop", "tcp dport 2 drop")
CUTS_DATA = """\
add table inet story
delete table inet story
table inet story {
  chain forward { type filter hook forward priority -50; policy accept; ip daddr 10.78.30.11 drop; }
}
"""
LOAD = {"load": NFT, "tables": ["inet story"]}
DROP_IN = "/etc/ssh/sshd_config.d/09-story.conf"
# For what is taken back by the host's clock (s): enough to cut in between.
SOON = 8
QUIET = [{"path": DROP_IN, "content": "LogLevel ERROR\n"}]


def rules(text: str) -> list[dict]:
    return [{"path": NFT, "content": text}]


def log_level(machine: Machine) -> str:
    lines = machine.run("sshd", "-T").stdout.splitlines()
    return next(line for line in lines if line.startswith("loglevel"))


# What is still armed is taken back by what its clock would start, which the stories below wait for; then nothing of a
# story is left.
CLEAN = f"""
if test -e {STATE}/pending; then systemctl start haechi-guard-timer.service; fi
while test -e {STATE}/pending; do sleep 0.2; done
rm -f {NFT} {DROP_IN} {STATE}/effective-nftables
nft delete table inet story 2>/dev/null
systemctl reload ssh
"""


@pytest.fixture(autouse=True)
def clean(host: Host) -> Iterator[None]:
    """Every story begins and ends with machines that nobody is changing."""
    del host
    yield
    cleaning = [subprocess.Popen([*inside(name), "sh", "-c", CLEAN]) for name in ("trixie", "bookworm", "gw")]
    assert [one.wait(40) for one in cleaning] == [0, 0, 0]


@pytest.mark.parametrize("name", ["trixie", "bookworm"])
def test_a_ruleset_that_drops_ssh_is_taken_back(controller: Controller, started: Started, name: str) -> None:
    """(a) The host answers again within 30 s, and the run says what happened."""
    process = started(name, "nftables", rules(SHUT), options=LOAD, seconds=15)
    wait(lambda: Machine(name).armed, 40)

    assert wait(lambda: controller.answers(name), 30) < 30
    words, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "old state" in words
    assert Machine(name).run("nft", "list", "table", "inet", "story").returncode != 0
    assert not Machine(name).holds(NFT)


def test_a_policy_that_locks_an_operator_out_is_refused(controller: Controller) -> None:
    """(b) Valid for `sshd -t`, and still refused before it is activated, by name and reason, on both releases."""
    both = ("trixie", "bookworm")
    code, words = controller.change(",".join(both), "sshd", [{"path": DROP_IN, "content": "DenyUsers ann\n"}])

    assert code != 0
    for name in both:
        told = words.partition(f"fatal: [{name}]")[2].partition("fatal:")[0].replace("\n", " ")
        assert "would lock ann out, nothing was changed: DenyUsers names ann" in told
        assert not Machine(name).holds(DROP_IN)
        assert not Machine(name).holds(f"{STATE}/lock")


def test_a_killed_controller_leaves_the_old_state(controller: Controller, started: Started) -> None:
    """(c) `kill -9` in the middle: nobody's help is needed."""
    trixie = Machine("trixie")
    process = started("trixie", "sshd", QUIET, through=[HANG], seconds=SOON)
    wait(lambda: trixie.armed, 40)
    assert log_level(trixie) == "loglevel ERROR"

    kill(process)

    wait(lambda: not trixie.armed, 20)
    assert log_level(trixie) == "loglevel VERBOSE"
    assert trixie.last()["why"] == "timer"
    assert controller.answers("trixie")


def test_a_cut_network_leaves_the_old_state(started: Started) -> None:
    """(d) The host puts itself right while nobody can reach it."""
    bookworm = Machine("bookworm")
    process = started("bookworm", "nftables", rules(HARMLESS), options=LOAD, through=[HANG], seconds=SOON)
    wait(lambda: bookworm.armed, 40)
    bookworm.run("ip", "link", "set", "eth0", "down")
    try:
        assert bookworm.armed
        wait(lambda: not bookworm.armed, 25)

        assert bookworm.run("nft", "list", "table", "inet", "story").returncode != 0
        assert not bookworm.holds(NFT)
    finally:
        bookworm.run("ip", "link", "set", "eth0", "up")
        bookworm.run("systemctl", "restart", "lab-route")
        kill(process)


def test_a_restart_in_the_middle_boots_into_the_old_state(controller: Controller, started: Started) -> None:
    """(e) The power fails while a change is armed: the boot itself takes it back, before sshd starts."""
    bookworm = Machine("bookworm")
    process = started("bookworm", "sshd", QUIET, through=[HANG], seconds=120)
    wait(lambda: bookworm.armed, 40)
    for verb in (["kill", "--signal", "KILL"], ["start"]):
        subprocess.run(["podman", *verb, "haechi-molecule-bookworm"], check=True, capture_output=True)
    kill(process)

    wait(lambda: controller.answers("bookworm"), 30)

    assert log_level(bookworm) == "loglevel VERBOSE"
    assert bookworm.last()["why"] == "boot"
    assert not bookworm.holds(f"{STATE}/lock")


def test_a_second_controller_is_refused(controller: Controller, started: Started) -> None:
    """(f) Two changes at once would each save the other's state as the old one."""
    started("trixie", "sshd", QUIET, through=[HANG])
    wait(lambda: Machine("trixie").armed, 40)

    code, words = controller.change("trixie", "nftables", rules(HARMLESS), options=LOAD)

    assert code != 0
    assert "another change is under way on this host" in words.replace("\n", " ")
    assert not Machine("trixie").holds(NFT)


def test_a_full_disk_is_refused_before_the_swap(controller: Controller) -> None:
    """(g) No room to keep the old state is no moment to lose it."""
    trixie = Machine("trixie")
    room = ["-o", "size=256k,mode=0700", "none", STATE]
    subprocess.run([*inside("trixie"), "mount", "-t", "tmpfs", *room], check=True)
    try:
        code, words = controller.change("trixie", "sshd", QUIET)
        left = trixie.run("ls", "-A", STATE).stdout.split()
    finally:
        subprocess.run([*inside("trixie"), "umount", STATE], check=True)

    assert code != 0
    assert "no room for" in words
    assert not trixie.holds(DROP_IN)
    assert set(left) <= {"mutex"}


def test_a_gateway_that_cuts_a_zone_is_taken_back(controller: Controller) -> None:
    """(h) gw itself stays reachable; that the zone behind it is cut is seen by going there."""
    code, words = controller.change("gw", "nftables", rules(CUTS_DATA), options=LOAD, seconds=60)

    assert code != 0
    assert "data1 is reached through gw: expected yes" in words.replace("\n", " ")
    assert "The old state is back" in words.replace("\n", " ")
    assert controller.answers("data1")
    assert Machine("gw").run("nft", "list", "table", "inet", "story").returncode != 0


def test_a_broken_connection_is_made_again(tmp_path: Path) -> None:
    """An ssh that dies under its first task fails no run; one that always dies still does."""
    (tmp_path / "ssh").write_text(f'#!/bin/sh\nmkdir {tmp_path}/died 2>/dev/null && exit 255\nexec /usr/bin/ssh "$@"\n')
    (tmp_path / "dead").write_text("#!/bin/sh\nexit 255\n")
    codes = {}
    for name in ("ssh", "dead"):
        (tmp_path / name).chmod(0o755)
        variables = f"ansible_ssh_executable={tmp_path / name}"
        argv = ["ansible", "-i", str(INVENTORY), "trixie", "-m", "ansible.builtin.ping", "-e", variables]
        env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        argv[0] = str(Path(sys.executable).with_name("ansible"))
        codes[name] = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, check=False, timeout=60).returncode

    assert (codes["ssh"], codes["dead"] != 0) == (0, True)
    assert (tmp_path / "died").is_dir()


def test_a_good_change_is_kept(controller: Controller) -> None:
    """The positive control: the same machinery keeps what is proven."""
    code, words = controller.change("trixie", "nftables", rules(HARMLESS), options=LOAD)

    assert code == 0, words
    assert "changed=1" in words
    assert Machine("trixie").run("nft", "list", "table", "inet", "story").returncode == 0
    assert not Machine("trixie").holds(f"{STATE}/lock")

    code, words = controller.change("trixie", "nftables", rules(HARMLESS), options=LOAD)

    assert (code, "changed=0" in words) == (0, True)
