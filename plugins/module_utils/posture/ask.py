"""What every collector uses: commands that run beside each other, files read within bounds, one way to say unknown."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# A host under load is slow to answer, and an answer that comes late is still one. All commands run at once, and systemd
# answers one after another: an emulated machine was seen to need more than twenty seconds.
SECONDS = 60.0
MOST_BYTES = 16 << 20
MOST_TEXT = 4096


class NotSeenError(Exception):
    """Something could not be seen; the text says why."""


@dataclass(frozen=True)
class Question:
    """What the control node wants to know beyond what is always looked at."""

    users: tuple[str, ...] = ()
    sysctl: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    knock: tuple[str, ...] = ()
    edge: Mapping[str, Any] = field(default_factory=dict)


# A collector starts its commands and returns what reads their answers: so all commands of all collectors run at once.
Reader = Callable[[], Any]
Collector = Callable[[Question], Reader]


class Answer:
    """A command under way; its output goes to memory, so that it never waits for a reader."""

    def __init__(self, argv: tuple[str, ...], seconds: float = SECONDS, env: Mapping[str, str] | None = None) -> None:
        """Start it.

        Raises ``OSError`` where there is no such program.
        """
        self._argv, self._until = argv, time.monotonic() + seconds
        self._files = [os.memfd_create("out"), os.memfd_create("err")]
        self._texts: tuple[str, str] | None = None
        self._late = False
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self._files[0],
            stderr=self._files[1],
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": ""} if env is None else dict(env),
        )

    def texts(self) -> tuple[int, str, str]:
        """Return exit code, output and errors, once it has ended.

        Raises ``NotSeenError`` where it hangs or says more than anybody reads, to each that reads it.
        """
        try:
            code = self._process.wait(max(0.0, self._until - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            code, self._late = self._process.wait(), True
        if self._late:
            raise NotSeenError(f"{' '.join(self._argv[:2])} did not answer in time")
        if self._texts is None:
            self._texts = (self._read(self._files[0]), self._read(self._files[1]))
        return code, *self._texts

    def text(self) -> str:
        """Return its output.

        Raises ``NotSeenError`` where it failed.
        """
        code, out, err = self.texts()
        if code != 0:
            raise NotSeenError(f"{' '.join(self._argv[:3])} failed: {(err or out).strip()[-300:]}")
        return out

    def json(self) -> Any:
        """Return its output read as JSON.

        Raises ``NotSeenError`` where it failed, ``ValueError`` where it is none.
        """
        return json.loads(self.text())

    def _read(self, handle: int) -> str:
        size = os.fstat(handle).st_size
        if size > MOST_BYTES:
            raise NotSeenError(f"{self._argv[0]} said {size} bytes")
        data = os.pread(handle, size, 0)
        os.close(handle)
        return data.decode("utf-8", "surrogateescape")


def ask(*argv: str) -> Answer:
    """Start a command."""
    return Answer(argv)


def read(path: str, most: int = MOST_BYTES) -> str:
    """Return a regular file's text up to a bound.

    Raises ``OSError`` where it cannot be read, ``NotSeenError`` where it is no file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    parts, left = [], most
    try:
        # In pieces: the kernel makes a buffer as large as a read of /proc/sys asks for.
        while left > 0 and (part := os.read(handle, min(left, 1 << 16))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(handle)
    return b"".join(parts).decode("utf-8", "surrogateescape")


def read_if(path: str, most: int = MOST_BYTES) -> str:
    """Return a file's text; an absent one is empty.

    Raises ``OSError`` where it is there and cannot be read.
    """
    try:
        return read(path, most)
    except (FileNotFoundError, NotADirectoryError):
        return ""


def names(folder: str) -> list[str]:
    """Return the sorted names in a folder; none where there is no such folder."""
    try:
        return sorted(entry.name for entry in os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def octal(mode: int) -> str:
    """Return permission bits as stat(1) prints them."""
    return f"{mode & 0o7777:o}"
