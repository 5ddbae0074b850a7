"""The life of a grant: nothing before approval, the exact commands during the window, nothing after it."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime

import pytest
from conftest import INVENTORY, MACHINES, SLEEP, Site, run, until

from haechi.grant import desk, ends
from haechi.observe.granted import Grant

WINDOW = 60
OVER = {"files": False, "timer": False, "why": "window"}


def seconds_left(asked: object) -> float:
    return (asked.ends - datetime.now(UTC)).total_seconds()


def over(site: Site, machine: str, name: str) -> bool:
    left = site.left(machine, name)
    return left["ended"] is not None and OVER.items() <= left.items()


def test_the_window_ends_by_itself(site: Site) -> None:
    """Refused, then exactly what was approved, then refused and dead; the controller only looks on."""
    asked = site.ask(WINDOW, SLEEP)
    early = site.grant(asked.id)
    assert early.returncode != 0
    assert f"the quorum is not met: {asked.id} is approved by nobody" in early.stdout + early.stderr
    assert [site.login(machine, f"sudo -n {SLEEP}").returncode for machine in MACHINES] == [1, 1]

    site.approve(asked)
    done = site.grant(asked.id)
    assert done.returncode == 0, done.stdout + done.stderr
    for machine in MACHINES:
        site.stay(machine, f"sudo -n {SLEEP}")
        assert until(10, lambda machine=machine: site.alive(machine, SLEEP))
        for other in ("/usr/bin/sleep 302", "/usr/bin/sleep 301 1", "/usr/bin/id", "-i"):
            assert site.login(machine, f"sudo -n {other}").returncode == 1, other
        assert site.login(machine, f"sudo -n {SLEEP}", "bob").returncode == 1
    assert seconds_left(asked) > 0
    assert [site.alive(machine, SLEEP) for machine in MACHINES] == [True, True]

    time.sleep(max(0.0, seconds_left(asked)))
    for machine in MACHINES:
        assert until(10, lambda machine=machine: over(site, machine, asked.id)), site.left(machine, asked.id)
        assert not site.alive(machine, SLEEP)
        assert site.login(machine, f"sudo -n {SLEEP}").returncode == 1
        assert site.login(machine, "true").returncode == 0
    late = site.grant(asked.id)
    assert late.returncode != 0
    assert "refused: expired: the window ended at" in late.stdout + late.stderr


def told_by(machine: str) -> tuple[Grant, ...]:
    """Return what a machine's posture tells of its grants."""
    asked = json.dumps({"nonce": "0123456789abcdef", "subject": machine})
    done = run("ansible", machine, "-i", str(INVENTORY), "-m", "haechi.guard.posture", "-a", asked)
    seen = json.loads(done.stdout.partition("=>")[2])["observation"]["data"]["sections"]["grants"]["seen"]
    return tuple(Grant.model_validate_json(json.dumps(row)) for row in seen)


def test_the_control_node_hears_of_an_end_once(site: Site) -> None:
    """From the machine that took it and ended it alone: who had what, why, and what ended with it."""
    asked, where = site.granted(30, SLEEP, hosts=("trixie",)), desk.at(INVENTORY)
    site.stay("trixie", f"sudo -n {SLEEP}")
    assert until(10, lambda: site.alive("trixie", SLEEP))
    # What other tests let end is heard of here, and this one is not.
    early = ends.heard(where.state, where.policy, {"trixie": told_by("trixie")})
    assert asked.id not in {row["id"] for row in early}
    time.sleep(max(0.0, seconds_left(asked)))
    assert until(10, lambda: over(site, "trixie", asked.id)), site.left("trixie", asked.id)
    assert [row["ended"] for row in ends.register(where.state, datetime.now(UTC)) if row["id"] == asked.id] == [None]

    seen = {"trixie": told_by("trixie")}
    (record,) = ends.heard(where.state, where.policy, seen)

    assert record["id"] == asked.id
    assert (record["person"], record["host"], record["commands"]) == ("ann", "trixie", [SLEEP])
    assert (record["reason"], record["approvers"], record["why"]) == ("a test", ["bob"], "window")
    assert 0 <= record["ended"] - record["until"] <= 10
    assert record["killed"] >= 1
    assert (record["rules"], record["running"]) == (False, 0)
    assert ends.heard(where.state, where.policy, seen) == []
    (row,) = [row for row in ends.register(where.state, datetime.now(UTC)) if row["id"] == asked.id]
    assert (row["host"], row["ended"]) == ("trixie", record["ended"])


def test_a_window_that_ends_while_the_machine_is_off(site: Site) -> None:
    """What boots again ends it before anybody could use it."""
    asked = site.granted(50, SLEEP)
    container = "haechi-molecule-trixie"
    subprocess.run(["podman", "stop", "-t", "5", container], check=True, capture_output=True)
    time.sleep(max(0.0, seconds_left(asked)))
    subprocess.run(["podman", "start", container], check=True, capture_output=True)

    assert until(30, lambda: site.login("trixie", "true").returncode == 0)
    assert until(10, lambda: over(site, "trixie", asked.id)), site.left("trixie", asked.id)
    assert site.login("trixie", f"sudo -n {SLEEP}").returncode == 1
    assert until(10, lambda: over(site, "bookworm", asked.id))


def test_a_reboot_in_the_middle_ends_nothing_early_and_nothing_late(site: Site) -> None:
    """The clock is armed again at boot."""
    asked = site.granted(75, SLEEP, hosts=("bookworm",))
    subprocess.run(["podman", "restart", "-t", "5", "haechi-molecule-bookworm"], check=True, capture_output=True)
    assert until(30, lambda: site.login("bookworm", "true").returncode == 0)
    site.stay("bookworm", f"sudo -n {SLEEP}")
    assert until(10, lambda: site.alive("bookworm", SLEEP))

    time.sleep(max(0.0, seconds_left(asked)))

    assert until(10, lambda: over(site, "bookworm", asked.id)), site.left("bookworm", asked.id)
    assert not site.alive("bookworm", SLEEP)


def test_a_root_shell_leaves_nothing_behind(site: Site) -> None:
    """Nor what dropped its environment, its terminal and its parent."""
    asked = site.granted(60, root_shell=True)
    hidden = "setsid nohup env -i /usr/bin/sleep 303 >/dev/null 2>&1 </dev/null &"
    for machine in MACHINES:
        done = site.login(machine, f"echo '{hidden} id -u' | sudo -n -i")
        assert (done.returncode, done.stdout.split()[:1]) == (0, ["0"]), done.stderr
        assert site.alive(machine, "/usr/bin/sleep 303")

    time.sleep(max(0.0, seconds_left(asked)))

    for machine in MACHINES:
        assert until(10, lambda machine=machine: over(site, machine, asked.id)), site.left(machine, asked.id)
        assert not site.alive(machine, "/usr/bin/sleep 303")


def test_a_rerun_leaves_an_open_grant_and_takes_a_false_one(site: Site) -> None:
    """What nobody approved goes, whatever it calls itself; the window does not grow by a second grant."""
    asked = site.granted(180, SLEEP)
    rules = f"/etc/sudoers.d/haechi_grant-ann-{asked.id}"
    false = "/etc/sudoers.d/haechi_grant-ann-0123456789abcdef"
    before = site.root("trixie", f"sha256sum {rules}")
    site.root("trixie", f"echo 'ann ALL=(root) NOPASSWD: /usr/bin/id' > {false}; chmod 0440 {false}")

    again = run("ansible-playbook", "-i", str(INVENTORY), "molecule/privilege/converge.yml")
    assert again.returncode == 0, again.stdout
    assert site.root("trixie", "ls /etc/sudoers.d").split().count(false.rpartition("/")[2]) == 0
    twice = site.grant(asked.id)
    assert twice.returncode == 0
    assert site.root("trixie", f"sha256sum {rules}") == before

    site.stay("trixie", f"sudo -n {SLEEP}")
    assert until(10, lambda: site.alive("trixie", SLEEP))
    back = site.grant(asked.id, "-e", "end=true")
    assert back.returncode == 0, back.stdout + back.stderr
    assert not site.alive("trixie", SLEEP)
    assert site.left("trixie", asked.id)["why"] == "asked"
    assert site.login("trixie", f"sudo -n {SLEEP}").returncode == 1
    assert "was withdrawn: ask anew" in site.grant(asked.id).stdout


@pytest.mark.parametrize("machine", MACHINES)
def test_a_leaver_s_grant_goes_with_her(site: Site, machine: str) -> None:
    """Denied is denied: the rules go first, then what runs."""
    asked = site.granted(90, SLEEP, hosts=(machine,))
    site.stay(machine, f"sudo -n {SLEEP}")
    assert until(10, lambda: site.alive(machine, SLEEP))

    told = run("ansible", machine, "-i", str(INVENTORY), "-m", "haechi.guard.revoke", "-a", '{"people": ["ann"]}')
    assert f"haechi_grant-ann-{asked.id}" in told.stdout

    assert not site.alive(machine, SLEEP)
    assert asked.id not in site.root(machine, "ls /etc/sudoers.d")
    site.grant(asked.id, "-e", "end=true")
    assert run("ansible-playbook", "-i", str(INVENTORY), "molecule/privilege/converge.yml").returncode == 0
