"""The sealed account is opened at a console of this host, and its alarm looked for. Sent by a drill, needs nothing.

One line of JSON comes on standard input, ``{"account", "password", "code", "nonce"}``, and one goes out: ``nonce``,
``asked`` (what the console wanted: code, password), ``entered``, ``alarm`` (its words), ``after_s`` (from the first
sight of the session to the alarm's), ``logged``, ``cleared``, and ``fault``: nothing, or why the drill ends here. What
the screen showed stays here, since a secret that is typed in the wrong place is shown.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ALARM = Path("/var/lib/haechi/alarms/break-glass.json")
LOGIN = "/bin/login"
# PAM speaks the language of its environment, and what it asks is read here.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TERM": "dumb"}
ASKS = {
    "code": re.compile(rb"verification code: *\Z", re.IGNORECASE),
    "password": re.compile(rb"password: *\Z", re.IGNORECASE),
}
REFUSED = b"Login incorrect"
# The line that is typed does not hold what it prints: an echo of it is no answer.
KNOCK, ANSWER = b"printf 'drill-%s\\n' 42; id -un\n", b"drill-42\r\n"
PATIENCE_S, QUIET_S, ALARM_S = 25.0, 1.0, 5.0


class Console:
    """A terminal with login(1) on it."""

    def __init__(self, account: str, program: str = LOGIN) -> None:
        """Start login for an account."""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(program, ["login", account], ENVIRONMENT)  # noqa: S606 - as getty(8) does

    def read(self) -> bytes | None:
        """Return what was shown since; None when login has ended."""
        if select.select([self.terminal], [], [], 0.1)[0]:
            try:
                return os.read(self.terminal, 4096)
            except OSError:
                # login hangs its terminal up, and opens it again.
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    self.pid = 0
                    return None
                time.sleep(0.05)
        return b""

    def type(self, text: bytes) -> None:
        """Type some keys."""
        os.write(self.terminal, text)

    def log_out(self) -> None:
        """Leave the shell, and wait until login has ended."""
        with contextlib.suppress(OSError):
            self.type(b"exit\n")
        until = time.monotonic() + PATIENCE_S / 5
        while time.monotonic() < until and self.read() is not None:
            pass

    def close(self) -> None:
        """End whatever has not ended."""
        os.close(self.terminal)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def log_in(console: Console, account: str, secrets: dict[str, str], patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Answer what the console asks, and see that a shell of the account answers; return what was asked, and a fault."""
    screen, quiet = b"", time.monotonic()
    asked: list[str] = []
    until = quiet + patience_s
    while time.monotonic() < until:
        shown = console.read()
        if shown is None:
            return {"asked": asked, "fault": "refused"}
        screen += shown
        quiet = time.monotonic() if shown else quiet
        if ANSWER + account.encode() in screen:
            return {"asked": asked, "fault": ""}
        wanted = next((name for name, text in ASKS.items() if text.search(screen)), None)
        if REFUSED in screen or wanted in asked:
            return {"asked": asked, "fault": "refused"}
        if wanted:
            asked.append(wanted)
            if not secrets[wanted]:
                return {"asked": asked, "fault": f"no {wanted}"}
            console.type(secrets[wanted].encode() + b"\n")
            screen = b""
        elif "password" in asked and time.monotonic() - quiet > QUIET_S:
            console.type(KNOCK)
            quiet = time.monotonic()
    return {"asked": asked, "fault": "silent"}


def told(account: str, path: Path, wait_s: float = ALARM_S) -> dict[str, Any]:
    """Return the alarm of a login as it stands, and after how long it did; a fault where it does not come."""
    began = time.monotonic()
    while True:
        alarm = standing(path)
        if alarm.startswith(f"{account}: login opened a session of {account} "):
            return {"alarm": alarm, "after_s": round(time.monotonic() - began, 1)}
        if time.monotonic() - began > wait_s:
            return {"alarm": alarm, "fault": "no alarm"}
        time.sleep(0.05)


def standing(path: Path) -> str:
    """Return the words of the alarm that stands; nothing where none does."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8")).get("what") or "damaged")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return "damaged"


def logged(alarm: str, since: int) -> bool:
    """Return whether the system's log has the alarm's line."""
    command = ["journalctl", "-t", "haechi-alarm", "-o", "cat", "--no-pager", f"--since=@{since}"]
    for _ in range(10):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if alarm in done.stdout:
            return True
        time.sleep(0.2)
    return False


def drill(request: dict[str, Any], path: Path = ALARM, opened: Callable[[str], Console] = Console) -> dict[str, Any]:
    """Carry a drill out on this host. An alarm that stands already is nobody's to cover: nothing is tried then."""
    nothing = {"asked": [], "entered": False, "alarm": standing(path), "after_s": 0, "logged": False, "cleared": False}
    if nothing["alarm"]:
        return {**nothing, "fault": "alarm stands"}
    account, since = str(request["account"]), int(time.time())
    console = opened(account)
    try:
        seen = log_in(console, account, {name: str(request[name]) for name in ASKS})
        if seen["fault"]:
            return {**nothing, **seen, "alarm": standing(path)}
        seen |= {"entered": True, **told(account, path)}
        console.log_out()
    finally:
        console.close()
    if not seen["fault"]:
        seen["logged"] = logged(seen["alarm"], since)
        seen["fault"] = "" if seen["logged"] else "no line"
    if not seen["fault"] and standing(path) == seen["alarm"]:
        path.unlink()
        seen["cleared"] = True
    return {**nothing, **seen}


def main() -> None:
    """Read the request and say the answer."""
    request = json.loads(sys.stdin.readline())
    try:
        answer = drill(request)
    except OSError as error:
        answer = {"failed": str(error)}
    sys.stdout.write(json.dumps({**answer, "nonce": request["nonce"]}) + "\n")


if __name__ == "__main__":
    main()
