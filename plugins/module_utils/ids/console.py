"""Suricata's command socket: one JSON document each way (Suricata, "Interacting via Unix Socket")."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

PLACE = "/run/haechi-ids/{}.sock"
SECONDS = 2.0
_VERSION = {"version": "0.2"}


def ask(name: str, command: str, seconds: float = SECONDS) -> Any:
    """Return what an instance answers to a command.

    Raises ``OSError`` where nobody answers in time, ``ValueError`` where it refuses.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(seconds)
        line.connect(PLACE.format(name))
        _said(line, _VERSION, seconds)
        return _said(line, {"command": command}, seconds)


def _said(line: socket.socket, words: dict[str, Any], seconds: float) -> Any:
    line.sendall(json.dumps(words).encode() + b"\n")
    heard, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        part = line.recv(1 << 16)
        if not part:
            raise ConnectionError("Suricata hung up")
        heard += part
        try:
            told = json.loads(heard)
        except ValueError:
            continue
        if told.get("return") != "OK":
            raise ValueError(str(told.get("message", told))[:300])
        return told.get("message")
    raise TimeoutError("Suricata does not answer")
