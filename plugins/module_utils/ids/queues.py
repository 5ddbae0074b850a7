"""Which forwarded packets Suricata gets: by nft's own ``queue``, or where a kernel has none by iptables-nft.

Both files say the same. The probe asks the kernel, not its version.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

FOLDER = "/etc/haechi/ids"
NATIVE, RESTORED = f"{FOLDER}/queues.nft", {"4": f"{FOLDER}/queues.v4", "6": f"{FOLDER}/queues.v6"}
TABLE = "inet haechi_ids"
PROGRAMS = {"4": "iptables-nft", "6": "ip6tables-nft"}
SECURITY = {"4": "ip security", "6": "ip6 security"}
_PROBE = """table inet haechi_ids_probe {
  chain forward {
    type filter hook forward priority 150
    queue num 40 bypass
  }
}
"""


class QueueError(Exception):
    """The rules are not in force; the text says why."""


def run(argv: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program that may fail; one that is missing has failed."""
    try:
        return subprocess.run([*argv], input=text, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        return subprocess.CompletedProcess([*argv], 127, "", f"{argv[0]} is not installed")


def native() -> bool:
    """Return whether the kernel takes nft's own ``queue``; nothing is changed."""
    return run(["nft", "-c", "-f", "-"], _PROBE).returncode == 0


def live() -> str:
    """Return which way is in force: native, iptables, or "" for none."""
    if run(["nft", "list", "table", *TABLE.split()]).returncode == 0:
        return "native"
    return "iptables" if run(["nft", "list", "table", *SECURITY["4"].split()]).returncode == 0 else ""


def check() -> None:
    """Raise ``QueueError`` where the real program does not take the files."""
    for argv, path in _steps(test=True):
        _must(argv, path)


def load() -> None:
    """Make the files true; without files nothing is queued. Raises ``QueueError``."""
    if not Path(NATIVE).is_file():
        _remove(TABLE, *SECURITY.values())
        return
    steps = _steps(test=False)
    for argv, path in steps:
        _must(argv, path)
    _remove(*(SECURITY.values() if len(steps) == 1 else [TABLE]))


def _steps(*, test: bool) -> list[tuple[list[str], str]]:
    if native():
        return [(["nft", *(["-c"] if test else []), "-f", NATIVE], "")]
    more = ["--test"] if test else []
    return [([f"{PROGRAMS[version]}-restore", *more], Path(path).read_text()) for version, path in RESTORED.items()]


def _must(argv: list[str], text: str) -> None:
    done = run(argv, text)
    if done.returncode:
        raise QueueError(f"`{' '.join(argv)}` failed: {(done.stderr or done.stdout).strip()[-600:]}")


def _remove(*tables: str) -> None:
    for table in tables:
        run(["nft", "-f", "-"], f"add table {table}\ndelete table {table}\n")
