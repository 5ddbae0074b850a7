"""What looks after a host's recorder: a timer's watch each minute, and the queue that an ended recorder left.

Installed on the host after ``alarm`` in one file (``apply.watch_script``), so it imports the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SETTINGS = Path("/etc/haechi/recorder/watch.json")
STOPPED, LATE, DAMAGED = "recorder-stopped", "recordings-late", "recordings-damaged"
SERVICE = "haechi-recorder.service"
# By then sudo_logsrvd has tried again by itself, where it does (`retry_interval`).
NUDGE_S = 50.0
# How long anybody is waited for.
SECONDS = 3.0
Alarm = Callable[[str, str], None]
# A recording is messages, each behind its size (sudo_logsrv.proto(5)): the first is field 1 of ClientMessage where a
# command began, and ends with `expect_iobufs` where more follows; field 3 is the end of the command.
BEGUN, EXPECTS, ENDED = b"\x0a", b"\x18\x01", b"\x1a"
REASON = b"the recorder was stopped before the command ended"
_EXIT = b"\x0a\x00\x2a" + bytes([len(REASON)]) + REASON
ENDING = (2 + len(_EXIT)).to_bytes(4, "big") + ENDED + bytes([len(_EXIT)]) + _EXIT


def watch(settings: Mapping[str, Any], raise_alarm: Alarm, clear: Callable[[str], None], now: float) -> None:
    """Raise or clear each alarm by what is seen: the recorder's answer, the queue's age, the certificates' ends."""
    found = {
        STOPPED: "" if greets(settings["listen"]) else f"nothing answers on {settings['listen']}: sudo refuses people",
        LATE: late(settings["queue"], float(settings["late_s"]), now),
        DAMAGED: damaged(settings["queue"]),
        **{f"certificate-{leaf['name']}": ending(leaf["path"], now) for leaf in settings["leaves"]},
    }
    for name, what in found.items():
        if what:
            raise_alarm(name, what)
        else:
            clear(name)
    if stuck(settings, now):
        subprocess.run(["systemctl", "try-restart", SERVICE], check=False)


def stuck(settings: Mapping[str, Any], now: float) -> bool:
    """Return whether recordings wait although the log host can be reached, and nobody is being recorded.

    A connection that ends before the greeting, as a tunnel's does while the far end is away, is not tried again by
    sudo_logsrvd 1.9.13 until the next recording is complete; a new start tries all of them.
    """
    waits = any(now - at > NUDGE_S for _, at in waiting(settings["queue"]))
    return waits and bool(settings["far"]) and answers(settings["far"]) and not under_way(settings["queue"])


def under_way(queue: str) -> bool:
    """Return whether a process writes a recording now."""
    return any(_opens(process, f"{queue}/incoming/") for process in Path("/proc").glob("[0-9]*"))


def _opens(process: Path, folder: str) -> bool:
    try:
        return any(str(Path(entry.path).readlink()).startswith(folder) for entry in os.scandir(process / "fd"))
    except OSError:
        return False  # it has ended


def answers(listen: str) -> bool:
    """Return whether somebody takes a connection there."""
    host, _, port = listen.rpartition(":")
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except OSError:
        return False
    return True


def greets(listen: str) -> bool:
    """Return whether a recorder says hello there, as it does before it is asked: one that hangs takes connections too.

    (sudo_logsrv.proto(5), ServerHello)
    """
    host, _, port = listen.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), SECONDS) as connection:
            return bool(connection.recv(4096))
    except OSError:
        return False


def waiting(queue: str) -> Iterator[tuple[str, float]]:
    """Yield each recording that waits to be sent, with the time of its last change."""
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(f"{queue}/outgoing"):
            with contextlib.suppress(FileNotFoundError):
                seen = entry.stat(follow_symlinks=False)
                if seen.st_size:
                    yield entry.name, seen.st_mtime


def late(queue: str, most: float, now: float) -> str:
    """Return what to say of recordings that should have arrived; "" where none waits for too long."""
    old = [at for _, at in waiting(queue) if now - at > most]
    # The time of the oldest, not its age: an alarm that stands is told once.
    since = datetime.fromtimestamp(min(old, default=0.0), timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
    return f"recordings wait for the log host since {since:%Y-%m-%d %H:%M} UTC; they are kept here" if old else ""


def damaged(queue: str) -> str:
    """Return what to say of recordings that nobody can replay; "" where there are none."""
    folder = Path(queue, "damaged")
    kept = len(list(folder.iterdir())) if folder.is_dir() else 0
    return f"{kept} of {folder} cannot be sent: look what they are, and take them away" if kept else ""


def ending(path: str, now: float) -> str:
    """Return what to say of a certificate that cannot be read, or has less than a quarter of its life left.

    The host's own timer renews it at a third, so by then nothing does.
    """
    command = ["openssl", "x509", "-in", f"{path}.pem", "-noout", "-startdate", "-enddate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC"})
    try:
        begins, ends = (_seconds(line) for line in done.stdout.splitlines())
    except ValueError:
        return f"{path}.pem is no certificate: run site.yml"
    if ends - now > (ends - begins) / 4:
        return ""
    until = datetime.fromtimestamp(ends, timezone.utc)  # noqa: UP017 - Python 3.11 on hosts
    return f"{path}.pem ends on {until:%Y-%m-%d} and nothing renews it: run site.yml, which has it signed anew"


def _seconds(line: str) -> float:
    return datetime.strptime(f"{line.partition('=')[2].strip()} +0000", "%b %d %H:%M:%S %Y GMT %z").timestamp()


def requeue(queue: str) -> None:
    """Queue what an ended recorder had begun, before the next one starts: it sends only what is in ``outgoing``.

    One without an end is never taken for sent, and sudo_logsrvd 1.9.13 sends none behind it; one of which not even the
    beginning is whole cannot be sent, and is kept in ``damaged``.
    """
    for place in ("incoming", "outgoing"):
        with contextlib.suppress(FileNotFoundError):
            for entry in sorted(os.scandir(f"{queue}/{place}"), key=lambda entry: entry.name):
                if not entry.stat(follow_symlinks=False).st_size:
                    Path(entry.path).unlink()
                    continue
                there = "outgoing" if finish(Path(entry.path)) else "damaged"
                Path(queue, there).mkdir(mode=0o700, exist_ok=True)
                Path(entry.path).rename(f"{queue}/{there}/{entry.name}")


def finish(recording: Path) -> bool:
    """Give a recording that was cut short its end, and say in it why; return whether its beginning is whole."""
    with recording.open("r+b") as file:
        status = os.fstat(file.fileno())
        end, last, expects = 0, b"", False
        while len(head := file.read(5)) == 5:  # noqa: PLR2004 - a size, and the first byte of a message
            after = end + 4 + int.from_bytes(head[:4], "big")
            if not end + 4 < after <= status.st_size:
                break
            if end == 0:
                file.seek(after - len(EXPECTS))
                expects = head[4:] == BEGUN and file.read(len(EXPECTS)) == EXPECTS
            end, last = after, head[4:]
            file.seek(end)
        if end and (end < status.st_size or (expects and last != ENDED)):
            file.truncate(end)
            file.seek(end)
            file.write(ENDING if expects and last != ENDED else b"")
    # How long it has waited is told by this time.
    os.utime(recording, ns=(status.st_atime_ns, status.st_mtime_ns))
    return end > 0


def main(arguments: Iterable[str], raise_alarm: Alarm, clear: Callable[[str], None]) -> None:
    """Run one verb: ``watch``, or ``requeue`` before the service starts."""
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    if [*arguments] == ["requeue"]:
        requeue(settings["queue"])
    else:
        watch(settings, raise_alarm, clear, time.time())
