"""The life of a grant: nothing before approval, the exact commands during the window, nothing after it.

Windows run beside each other, so that one wait does for several: Ann's and Bob's are open while other grants come and
go, and only the host writes that a grant ended because its window did (``why``).
"""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime

import pytest
from conftest import INVENTORY, MACHINES, SLEEP, Site, run, until

from haechi.grant import desk, ends
from haechi.grant.document import Request
from haechi.observe.granted import Grant

# Long enough for all that is tried while it is open; what is tried sooner waits for its end.
WINDOW = 100
OFF, REBOOTS = "bookworm", "trixie"
HIDDEN = "/usr/bin/sleep 303"
OVER = {"files": False, "timer": False, "why": "window"}


def seconds_left(asked: Request) -> float:
    return (asked.ends - datetime.now(UTC)).total_seconds()


def over(site: Site, machine: str, name: str) -> bool:
    left = site.left(machine, name)
    return left["ended"] is not None and OVER.items() <= left.items()


def told_by(machine: str) -> tuple[Grant, ...]:
    """Return what a machine's posture tells of its grants."""
    asked = json.dumps({"nonce": "0123456789abcdef", "subject": machine})
    done = run("ansible", machine, "-i", str(INVENTORY), "-m", "haechi.guard.posture", "-a", asked)
    seen = json.loads(done.stdout.partition("=>")[2])["observation"]["data"]["sections"]["grants"]["seen"]
    return tuple(Grant.model_validate_json(json.dumps(row)) for row in seen)


def podman(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["podman", *argv], stdout=subprocess.DEVNULL)


def assert_over(site: Site, machine: str, asked: Request, command: str) -> None:
    """Its end came by itself, soon after it was due, and nothing of it runs."""
    assert until(10, lambda: over(site, machine, asked.id)), site.left(machine, asked.id)
    assert site.left(machine, asked.id)["ended"] >= int(asked.ends.timestamp())
    assert not site.alive(machine, command)


@pytest.fixture(scope="module")
def shell(site: Site) -> Request:
    """Let Bob use a root shell, and leave something in it that dropped its environment, its terminal and its parent."""
    asked = site.granted(WINDOW, person="bob", root_shell=True)
    for machine in MACHINES:
        hidden = f"setsid nohup env -i {HIDDEN} >/dev/null 2>&1 </dev/null &"
        done = site.login(machine, f"echo '{hidden} id -u' | sudo -n -i", "bob")
        assert (done.returncode, done.stdout.split()[:1]) == (0, ["0"]), done.stderr
        assert site.alive(machine, HIDDEN)
    return asked


@pytest.fixture(scope="module")
def asked(site: Site) -> Request:
    """Let Ann ask for one command on both machines."""
    return site.ask(WINDOW, SLEEP)


@pytest.fixture(scope="module")
def opened(site: Site, asked: Request) -> Request:
    """Have it approved and granted, and the command run on both machines."""
    site.approve(asked)
    done = site.grant(asked.id)
    assert done.returncode == 0, done.stdout + done.stderr
    for machine in MACHINES:
        site.stay(machine, f"sudo -n {SLEEP}")
        assert until(30, lambda machine=machine: site.alive(machine, SLEEP))
    return asked


def test_nothing_is_open_before_it_is_approved(site: Site, asked: Request) -> None:
    """Neither the playbook nor sudo gives what was only asked for."""
    early = site.grant(asked.id)

    assert early.returncode != 0
    assert f"the quorum is not met: {asked.id} is approved by nobody" in early.stdout + early.stderr
    assert [site.login(machine, f"sudo -n {SLEEP}").returncode for machine in MACHINES] == [1, 1]


@pytest.mark.usefixtures("shell")
def test_the_window_opens_exactly_what_was_approved(site: Site, opened: Request) -> None:
    """No other argument, no other command, no shell; and nobody else, not even by a grant of his own."""
    for machine in MACHINES:
        for other in ("/usr/bin/sleep 302", "/usr/bin/sleep 301 1", "/usr/bin/id", "-i"):
            assert site.login(machine, f"sudo -n {other}").returncode == 1, other
        assert site.login(machine, f"sudo -n {SLEEP}", "bob").returncode == 1
    assert seconds_left(opened) > 0
    assert [site.alive(machine, SLEEP) for machine in MACHINES] == [True, True]


def test_the_control_node_hears_of_no_end_that_was_not(opened: Request) -> None:
    """What is open is told of as open."""
    where = desk.at(INVENTORY)

    assert opened.id not in {row["id"] for row in ends.heard(where.state, where.policy, {"trixie": told_by("trixie")})}


def test_a_rerun_leaves_an_open_grant_and_takes_a_false_one(site: Site, opened: Request) -> None:
    """What nobody approved goes, whatever it calls itself; the window does not grow by a second grant."""
    rules = f"/etc/sudoers.d/haechi_grant-ann-{opened.id}"
    false = "/etc/sudoers.d/haechi_grant-ann-0123456789abcdef"
    before = site.root("trixie", f"sha256sum {rules}")
    site.root("trixie", f"echo 'ann ALL=(root) NOPASSWD: /usr/bin/id' > {false}; chmod 0440 {false}")

    again = run("ansible-playbook", "-i", str(INVENTORY), "molecule/privilege/converge.yml")
    assert again.returncode == 0, again.stdout
    assert site.root("trixie", "ls /etc/sudoers.d").split().count(false.rpartition("/")[2]) == 0
    twice = site.grant(opened.id)
    assert twice.returncode == 0
    assert site.root("trixie", f"sha256sum {rules}") == before
    assert site.alive("trixie", SLEEP)


def test_a_grant_that_is_taken_back_ends_at_once(site: Site) -> None:
    """What runs of it ends before its window does, and it is not given again."""
    other = "/usr/bin/sleep 304"
    asked = site.granted(180, other, hosts=("trixie",))
    site.stay("trixie", f"sudo -n {other}")
    assert until(30, lambda: site.alive("trixie", other))

    back = site.grant(asked.id, "-e", "end=true")
    assert back.returncode == 0, back.stdout + back.stderr
    assert not site.alive("trixie", other)
    assert site.left("trixie", asked.id)["why"] == "asked"
    assert site.login("trixie", f"sudo -n {other}").returncode == 1
    assert "was withdrawn: ask anew" in site.grant(asked.id).stdout


def test_a_leaver_s_grant_goes_with_her(site: Site) -> None:
    """Denied is denied: the rules go first, then what runs. Of Fay, so that the grants of the others stay open."""
    hers = "/usr/bin/sleep 305"
    asked = site.granted(180, hers, person="fay")
    for machine in MACHINES:
        site.stay(machine, f"sudo -n {hers}", "fay")
        assert until(30, lambda machine=machine: site.alive(machine, hers))

    told = run(
        "ansible", ",".join(MACHINES), "-i", str(INVENTORY), "-m", "haechi.guard.revoke", "-a", '{"people": ["fay"]}'
    )
    assert told.stdout.count(f"haechi_grant-fay-{asked.id}") >= len(MACHINES)

    for machine in MACHINES:
        assert not site.alive(machine, hers)
        assert asked.id not in site.root(machine, "ls /etc/sudoers.d")
    site.grant(asked.id, "-e", "end=true")
    assert run("ansible-playbook", "-i", str(INVENTORY), "molecule/privilege/converge.yml").returncode == 0


def test_the_window_ends_by_itself(site: Site, opened: Request) -> None:
    """Refused and dead, and the account is what it was before."""
    time.sleep(max(0.0, seconds_left(opened)))

    for machine in MACHINES:
        assert_over(site, machine, opened, SLEEP)
        assert site.login(machine, f"sudo -n {SLEEP}").returncode == 1
        assert site.login(machine, "true").returncode == 0
    late = site.grant(opened.id)
    assert late.returncode != 0
    assert "refused: expired: the window ended at" in late.stdout + late.stderr


def test_the_control_node_hears_of_an_end_once(opened: Request) -> None:
    """From the machine that took it and ended it alone: who had what, why, and what ended with it."""
    where = desk.at(INVENTORY)
    seen = {"trixie": told_by("trixie")}

    def ended() -> list[int | None]:
        rows = ends.register(where.state, datetime.now(UTC))
        return [row["ended"] for row in rows if (row["id"], row["host"]) == (opened.id, "trixie")]

    assert ended() == [None]
    (record,) = [row for row in ends.heard(where.state, where.policy, seen) if row["id"] == opened.id]

    assert (record["person"], record["host"], record["commands"]) == ("ann", "trixie", [SLEEP])
    assert (record["reason"], record["approvers"], record["why"]) == ("a test", ["bob"], "window")
    assert 0 <= record["ended"] - record["until"] <= 10
    assert record["killed"] >= 1
    assert (record["rules"], record["running"]) == (False, 0)
    assert ends.heard(where.state, where.policy, seen) == []
    assert ended() == [record["ended"]]


def test_a_root_shell_leaves_nothing_behind(site: Site, shell: Request) -> None:
    """Nor what hid in it."""
    time.sleep(max(0.0, seconds_left(shell)))

    for machine in MACHINES:
        assert_over(site, machine, shell, HIDDEN)


@pytest.fixture(scope="module")
def cut(site: Site) -> Request:
    """Let a window end while one machine is off; the other, which was booted again in the middle, counts on."""
    asked = site.granted(60, SLEEP)
    ways = [
        podman("stop", "-t", "5", f"haechi-molecule-{OFF}"),
        podman("restart", "-t", "5", f"haechi-molecule-{REBOOTS}"),
    ]
    assert [way.wait(30) for way in ways] == [0, 0]
    assert until(30, lambda: site.login(REBOOTS, "true").returncode == 0)
    site.stay(REBOOTS, f"sudo -n {SLEEP}")
    assert until(30, lambda: site.alive(REBOOTS, SLEEP))
    time.sleep(max(0.0, seconds_left(asked)))
    assert podman("start", f"haechi-molecule-{OFF}").wait(30) == 0
    return asked


def test_a_reboot_in_the_middle_ends_nothing_early_and_nothing_late(site: Site, cut: Request) -> None:
    """The clock is armed again at boot."""
    assert_over(site, REBOOTS, cut, SLEEP)


def test_a_window_that_ends_while_the_machine_is_off(site: Site, cut: Request) -> None:
    """What boots again ends it before anybody could use it."""
    assert until(30, lambda: site.login(OFF, "true").returncode == 0)
    assert_over(site, OFF, cut, SLEEP)
    assert site.login(OFF, f"sudo -n {SLEEP}").returncode == 1
