"""What asks the lab's service, on one of its machines: a JSON question on standard input, a JSON answer.

Sent there as text, so it needs nothing but Python.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import time
from contextlib import closing, suppress
from typing import Any

LATE_S = 1.0
PAUSE_S = 0.1


def in_a_row(asked: dict[str, Any]) -> list[float]:
    """Ask over one connection, one question after the other; return the seconds that each took.

    Raises ``OSError`` or ``http.client.HTTPException`` where one was not answered.
    """
    took: list[float] = []
    with closing(http.client.HTTPConnection(asked["address"], asked["port"], timeout=10)) as line:
        for _ in range(asked["times"]):
            began = time.monotonic()
            line.request("GET", asked["path"])
            answer = line.getresponse()
            answer.read()
            if answer.status != 200:  # noqa: PLR2004
                raise http.client.HTTPException(f"the service answered {answer.status}")
            took.append(time.monotonic() - began)
    return took


def again_and_again(asked: dict[str, Any]) -> list[float]:
    """Ask for some seconds as new customers do, each over TLS of its own; return when each that was answered was."""
    trust = ssl.create_default_context(cadata=asked["trust"])
    answered: list[float] = []
    until = time.time() + asked["seconds"]
    while time.time() < until:
        with suppress(OSError, http.client.HTTPException):
            if _once(asked, trust) == 200:  # noqa: PLR2004
                answered.append(time.time())
        time.sleep(PAUSE_S)
    return answered


def _once(asked: dict[str, Any], trust: ssl.SSLContext) -> int:
    line = socket.create_connection((asked["address"], asked["port"]), LATE_S)
    with closing(trust.wrap_socket(line, server_hostname=asked["name"])) as secured:
        speaker = http.client.HTTPConnection(asked["name"])
        speaker.sock = secured
        # A browser's words: without them the WAF takes it for a scanner.
        speaker.request("GET", asked["path"], headers={"User-Agent": "Mozilla/5.0", "Accept": "*/*"})
        answer = speaker.getresponse()
        answer.read()
        return answer.status


if __name__ == "__main__":
    question = json.loads(sys.stdin.readline())
    json.dump(again_and_again(question) if "trust" in question else in_a_row(question), sys.stdout)
