"""A new configuration is tried by the real OpenVPN beside the one that runs: on loopback, with an interface of its own.

OpenVPN has no test of a configuration; one that starts in full is one that it takes.
"""

from __future__ import annotations

import select
import socket
import subprocess
import tempfile
import time
from pathlib import Path

# As long as a busy host may take.
PATIENCE_S = 30.0
_READY = "Initialization Sequence Completed"
_LAST = 3


def complaint(text: str) -> str:
    """Return why OpenVPN does not take a configuration; empty where it does."""
    with tempfile.TemporaryDirectory(prefix="haechi-vpn-") as folder:
        place = Path(folder, "candidate.conf")
        place.write_text(text, encoding="utf-8")
        # A later option takes the place of an earlier one (openvpn(8)).
        instead = ("--dev", "vpn-try", "--local", "127.0.0.1", "--lport", str(_free(text)), "--management")
        command = [
            "/usr/sbin/openvpn",
            "--suppress-timestamps",
            "--config",
            str(place),
            *instead,
            f"{folder}/s",
            "unix",
        ]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        try:
            said = _heard(process)
        finally:
            process.kill()
            process.wait()
    return "" if _READY in said else " / ".join(said.strip().splitlines()[-_LAST:]) or "it says nothing"


def _heard(process: subprocess.Popen[bytes]) -> str:
    """Return what OpenVPN says until it is ready, ends, or takes too long."""
    said, until = b"", time.monotonic() + PATIENCE_S
    while process.stdout and _READY.encode() not in said and (left := until - time.monotonic()) > 0:
        if select.select([process.stdout], [], [], left)[0]:
            part = process.stdout.read(1 << 14)
            if not part:
                break
            said += part
    return said.decode(errors="replace")


def _free(text: str) -> int:
    kind = socket.SOCK_STREAM if "\nproto tcp" in text else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
