"""One door to podman: argument lists in, text out, one error."""

from __future__ import annotations

import json
import subprocess
from typing import Any


class LabError(Exception):
    """Something the lab needs is missing or failed; the text says what, and how to mend it."""


def run(*arguments: str, stdin: bytes | None = None, timeout: int = 300) -> str:
    """Run podman and return its output.

    Raises ``LabError`` with podman's own words when it fails or hangs.
    """
    try:
        done = subprocess.run(["podman", *arguments], input=stdin, capture_output=True, check=True, timeout=timeout)
    except FileNotFoundError as error:
        raise LabError("podman is not installed: run `make setup`") from error
    except subprocess.CalledProcessError as error:
        raise LabError(f"podman {' '.join(arguments[:3])}: {error.stderr.decode(errors='replace').strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"podman {' '.join(arguments[:3])}: no answer in {timeout} s") from error
    return done.stdout.decode(errors="replace")


def listing(*arguments: str) -> list[dict[str, Any]]:
    """Return a podman listing as data."""
    return json.loads(run(*arguments, "--format", "json") or "[]") or []


def labelled(kind: str, site: str) -> list[str]:
    """Return the names of the ``container``s or ``network``s that the lab of a site made, and no others."""
    verb = ["ps", "--all"] if kind == "container" else ["network", "ls"]
    found = listing(*verb, "--filter", f"label=haechi.site={site}")
    names = (entry.get("Names") or entry.get("name") or entry.get("Name") for entry in found)
    return sorted(name[0] if isinstance(name, list) else str(name) for name in names)
