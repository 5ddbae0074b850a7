"""What differs between nftables, sshd, PAM and sudo in a guarded change, behind one small interface."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError

SECONDS = 60


@dataclass(frozen=True)
class Way:
    """The way back beyond the files themselves."""

    commands: list[list[str]] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    extra: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What a command said."""

    code: int
    out: str
    err: str


def run(argv: Sequence[str], stdin: str | None = None) -> Done:
    """Run a program; one that is missing or hangs is an exit code like any other."""
    try:
        done = subprocess.run(list(argv), input=stdin, capture_output=True, text=True, check=False, timeout=SECONDS)
    except FileNotFoundError:
        return Done(127, "", f"{argv[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Done(124, "", f"{argv[0]} did not answer within {SECONDS} s")
    return Done(done.returncode, done.stdout, done.stderr)


def must(argv: Sequence[str], what: str) -> str:
    """Run a program that has to succeed.

    Raises ``RefusedError`` with the program's own words.
    """
    done = run(argv)
    if done.code != 0:
        raise RefusedError(f"{what}: {(done.err or done.out).strip()[-1500:]}")
    return done.out


class Subsystem:
    """One thing that can lock people out. The default is a subsystem that only has files."""

    def __init__(self, options: Mapping[str, Any], prove: Mapping[str, Any], *, check: bool = False) -> None:
        """Keep the task's options, whose way in must stay open, and whether this is a look ahead."""
        self.options = options
        self.prove = prove
        self.check = check

    def more(self) -> list[dict[str, Any]]:
        """Return files that the host itself chooses, in the form of the task's ``files``."""
        return []

    def validate(self, files: list[File]) -> None:
        """Refuse a candidate that the real program does not take; nothing is changed yet."""

    def way_back(self) -> Way:
        """Return what else must be put back, and the commands that make the old files effective."""
        return Way()

    def activate(self) -> None:
        """Make the new files effective."""

    def fingerprint(self) -> str | None:
        """Return what runs now in one word, or None where the files are all there is."""
        return None

    def remarks(self) -> list[str]:
        """Return what a person must know of what runs now; it changes nothing and stops nothing."""
        return []
