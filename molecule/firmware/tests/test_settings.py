"""fwupd does nothing by itself, by what it says of itself; what else the site set in its files is still there."""

from __future__ import annotations

import json

import pytest

from .conftest import HOSTS, does


@pytest.mark.parametrize("name", HOSTS)
def test_nobody_is_asked_told_or_fetched_from(name: str) -> None:
    """As the daemon has it: of Debian's remotes only the folder on the host is left."""
    remotes = json.loads(does(name, "fwupdmgr get-remotes --json"))["Remotes"]

    assert {row["Id"]: row["Enabled"] for row in remotes if row["Kind"] == "download"} == {
        "lvfs": False,
        "lvfs-testing": False,
    }
    assert [row["Id"] for row in remotes if row["AutomaticReports"] or row["AutomaticSecurityReports"]] == []


@pytest.mark.parametrize("name", HOSTS)
def test_nothing_starts_by_itself(name: str) -> None:
    """The timer cannot be started, not even by hand, and would not be by an upgrade of the package."""
    shown = does(name, "systemctl is-enabled fwupd-refresh.timer fwupd-refresh.service || true").split()

    assert shown == ["masked", "masked"]
    assert "masked" in does(name, "systemctl start fwupd-refresh.timer 2>&1 || true")
    assert "fwupd" not in does(name, "systemctl list-timers --no-legend")


@pytest.mark.parametrize("name", HOSTS)
def test_what_the_site_set_is_still_there(name: str) -> None:
    """Keys of the role stand in the section that the site had."""
    lines = does(name, "cat /etc/fwupd/fwupd.conf").splitlines()

    assert lines == [
        "# of the site",
        "[fwupd]",
        "UpdateMotd=false",
        "P2pPolicy=nothing",
        "OnlyTrusted=true",
        "IgnoreRequirements=false",
        "TestDevices=true",
        "",
        "[redfish]",
        "IpmiDisableCreateUser=true",
        "Password=not-to-be-told",
    ]
