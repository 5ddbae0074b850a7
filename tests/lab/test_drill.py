"""The sealed account on the standing lab: other holders than the demo's open it, and what stays behind is evidence."""

from __future__ import annotations

from haechi.demo import sealed
from haechi.demo.playbooks import Playbooks
from haechi.evidence import FOLDER
from haechi.lab import site
from haechi.policy import state_dir
from haechi.seal import stored

from .conftest import INVENTORY, MANAGED, ROOT, Lab

ALARM = "/var/lib/haechi/alarms/break-glass.json"


def test_any_two_holders_open_every_console_and_each_host_tells(lab: Lab) -> None:
    """Password and code; the alarm is in each host's log, and none is left standing."""
    sealed.drill(Playbooks(ROOT, INVENTORY), ("minho", "sora"), "a test")

    drills, faults = stored.drills(state_dir(site.read_policy(INVENTORY)) / FOLDER)
    assert faults == []
    assert (drills[-1]["holders"], sorted(drills[-1]["hosts"]), drills[-1]["bad"]) == (
        ["minho", "sora"],
        sorted(MANAGED),
        {},
    )
    for host in MANAGED:
        told = lab.inside(host, "sh", "-c", "journalctl --sync; journalctl -t haechi-alarm -o cat --since -5min")
        assert "seal: login opened a session of seal " in told.stdout
        assert lab.inside(host, "test", "-e", ALARM).returncode == 1


def test_nobody_else_opens_a_console(lab: Lab) -> None:
    """The account phase of login(1) lets the sealed account pass, and refuses a person."""
    for host in ("app1", "db1"):
        assert lab.inside(host, "pamtester", "login", "seal", "acct_mgmt").returncode == 0
        assert lab.inside(host, "pamtester", "login", "minho", "acct_mgmt").returncode != 0
