"""Readings of devices: from a sheet or from Ansible's facts, all of them or none."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from haechi import devices
from haechi.cli import main
from haechi.devices import DeviceError, Reading

EXAMPLE = Path(__file__).parents[3] / "inventories/example"
READ = Reading(device="core-sw1", model="C9300-24T", version="17.12.4", seen="2026-11-20")
SHEET = "device,model,version,seen\ncore-sw1,C9300-24T,17.12.4,2026-11-20\n"


def test_a_sheet_as_a_spreadsheet_writes_it() -> None:
    """A byte order mark, CRLF, other columns and spaces around a word do no harm."""
    text = "rack,device,model,version,seen\r\nA3,core-sw1 , C9300-24T,17.12.4,2026-11-20\r\n"

    assert devices.sheet(text.encode("utf-8-sig")) == [READ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("device,model,seen\n", "line 1: no column version: its first line is device,model,version,seen"),
        ("", "line 1: no column device, model, version, seen"),
        (SHEET + "fw1,,,2026-11-20\n,x,y,20.11.2026\n", "line 3: no model and no version; line 4: no device"),
        (SHEET + "fw1,x,y,20.11.2026\n", "line 3: seen is '20.11.2026': write YYYY-MM-DD"),
        (SHEET + "fw1,x,y,20261120\n", "line 3: seen is '20261120': write YYYY-MM-DD"),
        (SHEET + "fw1,x,\x1b[2Jy,2026-11-20\n", "line 3: a text with control characters"),
        (SHEET + "fw1,x," + 401 * "y" + ",2026-11-20\n", "line 3: a text with control characters, or of more than 400"),
        (SHEET + 'fw1,"x,y,2026-11-20\n', "no CSV in UTF-8: unexpected end of data: save it as CSV UTF-8"),
    ],
)
def test_a_sheet_that_is_none(text: str, told: str) -> None:
    """Every line at fault is named, and what is wrong with it."""
    with pytest.raises(DeviceError) as error:
        devices.sheet(text.encode())
    assert told in str(error.value)


def test_a_sheet_in_another_encoding() -> None:
    """As Korean spreadsheets save it by default."""
    with pytest.raises(DeviceError, match="save it as CSV UTF-8"):
        devices.sheet("device,model,version,seen\n스위치,x,y,2026-11-20\n".encode("cp949"))


def test_facts_as_ansible_writes_them(tmp_path: Path) -> None:
    """One file a device; what a device did not tell is named, for all of them at once."""
    told = {"changed": False, "ansible_facts": {"ansible_net_model": "C9300-24T", "ansible_net_version": "17.12.4"}}
    (tmp_path / "core-sw1").write_text(json.dumps(told))
    assert devices.facts(tmp_path, date(2026, 11, 20)) == [READ]

    (tmp_path / "fw1").write_text('{"msg": "timed out", "unreachable": true}')
    (tmp_path / "fw2").write_text("no JSON")
    with pytest.raises(DeviceError, match="fw1: no model and no version; fw2: no model and no version"):
        devices.facts(tmp_path, date(2026, 11, 20))


def test_the_newest_reading_counts(tmp_path: Path) -> None:
    """An old sheet that is read again takes nothing back."""
    newer = Reading(device="core-sw1", model="C9300-24T", version="17.15.1", seen="2026-11-21")
    assert [row.by for row in devices.record(tmp_path, [READ], "doyun")] == ["doyun"]
    assert [row.version for row in devices.record(tmp_path, [newer], "yuna")] == ["17.15.1"]
    assert devices.record(tmp_path, [READ], "doyun") == ()

    assert [(row.version, row.by) for row in devices.read(tmp_path)] == [("17.15.1", "yuna")]


def test_a_damaged_record_is_said_to_be(tmp_path: Path) -> None:
    """Nobody goes on as if nothing had been read."""
    (tmp_path / "devices.json").write_text('{"devices": [{}]}')

    with pytest.raises(DeviceError, match=r"no record of devices .*: restore it from backup"):
        devices.read(tmp_path)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A sheet is taken as a whole or not at all, from an active person alone."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path))
    sheet = tmp_path / "sheet.csv"
    argv = ["devices", "-i", str(EXAMPLE)]

    sheet.write_text(SHEET + "attic-sw9,x,1.0,2026-11-20\ncore-sw1,x,1.0,2999-01-01\n")
    assert main([*argv, str(sheet), "--by", "doyun"]) == 1
    assert (
        "attic-sw9 is no device of firmware.devices; core-sw1 stands there twice;"
        " core-sw1 was seen on 2999-01-01, which has not come. Nothing was recorded."
    ) in capsys.readouterr().err
    sheet.write_text(SHEET)
    assert main([*argv, str(sheet), "--by", "siwoo"]) == 1
    assert "--by siwoo: name an active person of policy" in capsys.readouterr().err
    assert main(argv) == 0
    assert capsys.readouterr().out == "core-sw1: never read, approved 17.12.4\n"

    assert main([*argv, str(sheet), "--by", "doyun"]) == 0
    assert main(argv) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "core-sw1: 17.12.4 on 2026-11-20, approved 17.12.4"


def test_a_folder_of_facts_needs_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file's own day is that of its last copy; and a file that is not there is said to be."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path))
    argv = ["devices", "-i", str(EXAMPLE), "--by", "doyun"]
    (tmp_path / "tree").mkdir()

    assert main([*argv, str(tmp_path / "tree")]) == 1
    assert "facts carry no day: add --seen DATE" in capsys.readouterr().err
    assert main([*argv, str(tmp_path / "none.csv")]) == 1
    assert "none.csv: No such file or directory: check the path" in capsys.readouterr().err
