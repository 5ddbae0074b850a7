"""What the host reads, edits and refuses: files of keys, fwupd's words, the window by its own clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.firmware import apply, install, keyfile, told
from ansible_collections.haechi.guard.plugins.module_utils.posture import firmware as posture
from hypothesis import given
from hypothesis import strategies as st

from haechi import desired
from haechi.observe.flashed import Firmware as Section
from haechi.policy.firmware import Firmware, Window
from tests.unit.controls import world

WINDOW = Window(day="sunday", start="02:00", minutes=120)
LVFS = """[fwupd Remote]

# this remote provides metadata and firmware marked as 'stable' from the LVFS
Enabled=true
Title=Linux Vendor Firmware Service
MetadataURI=https://cdn.fwupd.org/downloads/firmware.xml.zst
AutomaticReports=true
"""
LINE = st.sampled_from(
    ["[fwupd]", "[test]", "[redfish]", "Key=1", "Other = 2", "Key=3", "# Key=4", "", "no key", "Key", "Password=a=b"]
)


def document(source: str | None, host: str = "db1") -> Any:
    """Return what a host is told."""
    rules = Firmware(hosts=("db1",), window=WINDOW, source=source)
    policy = world.policy().model_copy(update={"firmware": rules})
    return desired.build(policy, [host], frozenset())[host]["firmware"]


def test_a_host_that_is_no_hardware_is_told_nothing() -> None:
    """On every other host the role does nothing."""
    assert document(None, "app1") is None


@given(st.lists(LINE), st.dictionaries(st.sampled_from(["Key", "Other", "New"]), st.sampled_from(["1", "x y"])))
def test_keys_are_set_and_every_other_line_stays(lines: list[str], values: dict[str, str]) -> None:
    """In its section alone, each once, and a second time there is nothing to do."""
    text = "".join(f"{line}\n" for line in lines)

    made = keyfile.merged(text, "fwupd", values)

    assert {key: keyfile.read(made, "fwupd").get(key) for key in values} == values
    assert keyfile.merged(made, "fwupd", values) == made
    for section in ("test", "redfish"):
        assert keyfile.read(made, section) == keyfile.read(text, section)
    others = [line for line in lines if not line.startswith(("Key", "Other", "["))]
    assert [line for line in made.splitlines() if line in others] == others


def test_a_file_that_is_as_it_should_be_is_left_alone() -> None:
    """In the very order that somebody wrote it in."""
    text = "[fwupd]\nTestDevices=true\nUpdateMotd = false\n"

    assert keyfile.merged(text, "fwupd", {"UpdateMotd": "false"}) == text


def test_a_remote_that_fetches_is_off_unless_policy_names_it() -> None:
    """And reports nothing either way."""
    off, on = (apply.remote(LVFS, "lvfs", document(source)) for source in (None, "lvfs"))

    assert (keyfile.read(off, told.REMOTE)["Enabled"], keyfile.read(on, told.REMOTE)["Enabled"]) == ("false", "true")
    for text in (off, on):
        assert keyfile.read(text, told.REMOTE)["AutomaticReports"] == "false"
        assert "# this remote provides metadata" in text


def test_a_remote_on_the_host_stays_as_it_is() -> None:
    """It fetches nothing; whether it counts is whoever put it there to say."""
    text = "[fwupd Remote]\nEnabled=true\nMetadataURI=file:///srv/firmware.xml\n"

    assert apply.remote(text, "site", document(None)) == text


def test_a_mirror_is_a_remote_of_its_own_and_lvfs_is_off_beside_it() -> None:
    """Archives come from where the list came from."""
    made = document("https://mirror.example/lvfs/firmware.xml.zst")
    mirror = keyfile.read(made["mirror"], told.REMOTE)

    assert mirror["MetadataURI"] == "https://mirror.example/lvfs/firmware.xml.zst"
    assert (mirror["FirmwareBaseURI"], mirror["Enabled"]) == ("https://mirror.example/lvfs", "true")
    assert keyfile.read(apply.remote(LVFS, "lvfs", made), told.REMOTE)["Enabled"] == "false"
    assert made["source"] == "haechi-mirror"


def test_what_else_stands_in_a_file_is_never_shown() -> None:
    """A password of a management controller is none of ours."""
    before = "[fwupd]\nUpdateMotd=true\n[redfish]\nPassword=secret\n"
    edit = apply.Edit("/etc/fwupd/fwupd.conf", before, before.replace("true", "false"))

    assert edit.lines == ["/etc/fwupd/fwupd.conf: fwupd.UpdateMotd true -> false"]


@pytest.mark.parametrize(("now", "said"), [(99, True), (100, False), (199.9, False), (200, True)])
def test_a_host_installs_by_its_own_clock(now: float, *, said: bool) -> None:
    """The first second is in the window, the one after it is not."""
    assert bool(install.outside(100, 200, now)) is said


def test_outside_the_window_nothing_is_even_asked() -> None:
    """No fwupd is needed to say so."""
    with pytest.raises(install.FirmwareError, match="the window is 1970-01-01 00:01 to 1970-01-01 00:03 UTC"):
        install.perform({"begins": 60, "ends": 180}, check=False)


def test_what_the_window_does_not_last_for_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is looked at before each device; the run fails, so that somebody sees what was left."""
    waits = {"DeviceId": "2f", "Name": "BMC", "Version": "1.2", "Releases": [{"Version": "1.4"}]}
    clock = iter([150.0, 200.0])
    monkeypatch.setattr(install.manager, "ask", lambda _: {"Devices": [waits]})
    monkeypatch.setattr(install.time, "time", lambda: next(clock))

    made = install.perform({"begins": 100, "ends": 200}, check=False)

    assert (made["changed"], made["failed"]) == (False, True)
    assert made["msg"] == "firmware: BMC 1.2 -> 1.4: not begun: the window is over"


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("ExecStart=/usr/bin/fwupdmgr refresh\n", False),
        ("5 4 * * * root fwupdmgr get-updates --json\n", False),
        ("fwupdmgr --json get-devices\n", False),
        ("# fwupdmgr update\n", False),
        ("5 4 * * * root fwupdmgr update -y\n", True),
        ("ExecStart=/usr/bin/fwupdmgr -y --no-reboot-check update\n", True),
        ("#!/bin/sh\nset -e\nexec /usr/bin/fwupdtool install x.cab\n", True),
        ("fwupdmgr refresh\nfwupdmgr update\n", True),
    ],
)
def test_whoever_has_fwupd_install_is_found(text: str, *, calls: bool) -> None:
    """Asking for news is none of it."""
    assert [*posture.calls([("/etc/cron.d/x", text)])] == (["/etc/cron.d/x"] if calls else [])


def test_what_fwupd_says_has_the_shape_of_the_section() -> None:
    """By words of fwupdmgr 2.0.20 and of its bus."""
    row = {"DeviceId": "2f", "Name": "BMC", "Version": "1.2", "Flags": ["updatable", "needs-reboot"]}
    waits = told.waiting(
        {"Devices": [{**row, "Releases": [{"Version": "1.4", "Created": 1767225600}]}, {"DeviceId": "3"}]}
    )
    bus = {"data": [[{"Version": {"data": "1.4"}, "Urgency": {"data": 4}}, {"Version": {"data": "1.3"}}]]}
    remotes = told.remotes({"Remotes": [{"Id": "lvfs", "Kind": "download", "Enabled": True, "Mtime": -1}]})

    device = told.device(row, waits["2f"], told.critical(bus))
    section = {**posture.NOTHING, "installed": True, "devices": [device], "remotes": remotes}
    seen = Section.model_validate_json(json.dumps(section))

    assert list(waits) == ["2f"]
    assert (seen.devices[0].reboot, seen.devices[0].releases[0].critical) == (True, True)
    assert f"{seen.devices[0].releases[0].issued:%Y-%m-%d}" == "2026-01-01"
    assert (seen.remotes[0].fetched, seen.remotes[0].reports) == (None, False)


def test_fwupd_s_complaint_is_read_from_its_answer() -> None:
    """It stands in JSON on its standard output."""
    said = json.dumps({"Error": {"Domain": "FwupdError", "Code": 21, "Message": "network is unreachable"}}, indent=2)

    assert told.complaint(said.replace('":', '" :')) == "network is unreachable"
    assert told.complaint("Killed") == ""
