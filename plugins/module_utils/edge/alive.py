"""Whether this edge answers: HAProxy here, and the WAF behind it; keepalived asks, and a run at its end.

Installed on the host as a script, so it imports the standard library alone.
"""

from __future__ import annotations

import socket
import sys
import time

PLACE = "/run/haechi-edge/alive.sock"
SECONDS = 8


def alive(place: str = PLACE) -> bool:
    """Return whether HAProxy says that it is there and that its WAF answers (``monitor-uri``)."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(SECONDS)
            line.connect(place)
            line.sendall(b"GET /alive HTTP/1.0\r\n\r\n")
            return line.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """Return 0 where it answers; with a number of seconds it is waited for."""
    until = time.monotonic() + float(arguments[0] if arguments else 0)
    while not alive():
        if time.monotonic() > until:
            sys.stderr.write("HAProxy does not answer, or the WAF behind it does not\n")
            return 1
        time.sleep(0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
