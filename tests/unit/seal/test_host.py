"""The part of a drill that runs on a host, before a login(1) of the test's."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.seal import drill

# The child becomes another program at once; on a host there is no other thread.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of forkpty:DeprecationWarning")
ALARM = "seal: login opened a session of seal on /dev/pts/1 at 2026-11-26T05:00:00Z"
# What it asks, what it takes for right, whether it raises an alarm and gives a shell; then it answers as a shell does.
LOGIN = """#!{python}
import getpass, json, pathlib, sys
says = json.loads(pathlib.Path(__file__).with_name("says.json").read_text())
for prompt, right in says["asks"]:
    if getpass.getpass(prompt) != right:
        print("\\nLogin incorrect\\n\\ntrixie login: ", end="", flush=True)
        sys.stdin.readline()
        sys.exit(1)
if not says["shell"]:
    sys.exit(0)
if says["alarm"]:
    pathlib.Path(says["path"]).write_text(json.dumps({{"what": says["alarm"]}}))
print("Unauthorised access is denied and prosecuted.\\n$ ", end="", flush=True)
for line in sys.stdin:
    if line.startswith("exit"):
        break
    print("drill-42\\nseal\\n$ ", end="", flush=True)
"""
BOTH = [["Verification code: ", "123456"], ["Password: ", "secret"]]


@pytest.fixture
def alarm(tmp_path: Path) -> Path:
    return tmp_path / "break-glass.json"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing that is not going to come."""
    monkeypatch.setattr(drill, "QUIET_S", 0.0)
    monkeypatch.setattr(drill, "logged", lambda alarm, _: alarm == ALARM)
    monkeypatch.setattr(drill, "told", partial(drill.told, wait_s=0.1))


def drilled(
    alarm: Path, asks: list[list[str]], *, raised: str = ALARM, shell: bool = True, **more: str
) -> dict[str, Any]:
    """Drill with the right secrets before a console that asks these things."""
    program = alarm.with_name("login")
    program.write_text(LOGIN.format(python=sys.executable))
    program.chmod(0o755)
    alarm.with_name("says.json").write_text(
        json.dumps({"asks": asks, "alarm": raised, "shell": shell, "path": str(alarm)})
    )
    request = {"account": "seal", "password": "secret", "code": "123456", **more}
    return drill.drill(request, alarm, partial(drill.Console, program=str(program)))


def test_password_and_code_open_the_console_and_the_alarm_is_seen_and_taken_away(alarm: Path) -> None:
    """In whatever order they are asked for; what was typed is in no answer."""
    seen = drilled(alarm, BOTH)

    assert seen.pop("after_s") < 1
    assert seen == {
        "asked": ["code", "password"],
        "entered": True,
        "alarm": ALARM,
        "logged": True,
        "cleared": True,
        "fault": "",
    }
    assert not alarm.exists()
    assert drilled(alarm, BOTH[1:])["asked"] == ["password"]


@pytest.mark.parametrize(
    ("asks", "more", "asked", "fault"),
    [
        (BOTH, {"password": "another"}, ["code", "password"], "refused"),
        (BOTH, {"code": "000000"}, ["code"], "refused"),
        (BOTH, {"code": ""}, ["code"], "no code"),
    ],
    ids=["wrong password", "wrong code", "no code"],
)
def test_a_console_that_refuses_is_a_fault(
    alarm: Path, asks: list[list[str]], more: dict[str, str], asked: list[str], fault: str
) -> None:
    """And nothing else is claimed."""
    seen = drilled(alarm, asks, **more)

    assert (seen["asked"], seen["fault"], seen["entered"], seen["logged"], seen["alarm"]) == (
        asked,
        fault,
        False,
        False,
        "",
    )


def test_a_login_that_ends_at_once_is_refused(alarm: Path) -> None:
    """The account phase of PAM says no after the right password."""
    seen = drilled(alarm, BOTH[1:], shell=False)

    assert (seen["fault"], seen["entered"]) == ("refused", False)


@pytest.mark.parametrize(
    "raised", ["", "seal: su opened a session of root on no terminal at now"], ids=["none", "other"]
)
def test_an_alarm_that_does_not_come_is_a_fault(alarm: Path, raised: str) -> None:
    """Neither does another's count, which stays for somebody to look at."""
    seen = drilled(alarm, BOTH, raised=raised)

    assert (seen["entered"], seen["fault"], seen["cleared"]) == (True, "no alarm", False)
    assert alarm.exists() == bool(raised)


def test_an_alarm_without_its_line_in_the_log_is_a_fault_and_stays(alarm: Path) -> None:
    """The file alone reaches nobody who watches logs."""
    seen = drilled(alarm, BOTH, raised=f"{ALARM} again")

    assert (seen["fault"], seen["logged"], seen["cleared"]) == ("no line", False, False)
    assert alarm.exists()


@pytest.mark.parametrize("text", ['{"what": "seal: su opened a session of root"}', "{", "{}"])
def test_where_an_alarm_stands_nothing_is_tried(alarm: Path, text: str) -> None:
    """A drill must not cover a use that nobody has looked at."""
    alarm.write_text(text)
    seen = drilled(alarm, BOTH)

    assert (seen["fault"], seen["asked"], seen["entered"]) == ("alarm stands", [], False)
    assert alarm.read_text() == text


def test_systemd_run_hands_the_program_on_as_it_is() -> None:
    """It would expand a dollar sign in it (systemd.service(5), COMMAND LINES)."""
    assert "$" not in Path(drill.__file__).read_text()
