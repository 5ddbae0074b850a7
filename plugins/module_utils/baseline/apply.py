"""Make a plan true. The only place of the baseline that changes a host."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import (
    Act,
    Change,
    Override,
    Remove,
    Run,
    SetMode,
    Write,
)


class ApplyError(RuntimeError):
    """A change that could not be made: which, and what the system said."""


def run(argv: tuple[str, ...]) -> None:
    """Run a program to its end.

    Raises ``ApplyError`` with the program's own words where it fails.
    """
    result = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise ApplyError(
            f"`{' '.join(argv)}` ended with {result.returncode}: {(result.stderr or result.stdout).strip()}"
        )


def packaged(path: str) -> str:
    """Return the name under which dpkg knows ``path``.

    Debian 12's packages still ship /bin/su although /bin is a link to /usr/bin; an override under
    the other name would be ignored at the next upgrade.
    """
    alias = path.removeprefix("/usr")
    for name in (path, alias):
        if subprocess.run(["dpkg-query", "-S", name], capture_output=True, check=False).returncode == 0:
            return name
    return path


def override(act: Override) -> None:
    """Replace whatever override stands for the path, and set the mode now."""
    name = packaged(act.path)
    # A second override of one path is refused (dpkg-statoverride(1), --add).
    for old in {name, act.path}:
        with contextlib.suppress(ApplyError):
            run(("dpkg-statoverride", "--quiet", "--remove", old))
    run(("dpkg-statoverride", "--quiet", "--update", "--add", act.owner, act.group, f"{act.mode:04o}", name))


def perform(act: Act) -> None:
    """Do one act."""
    if isinstance(act, Run):
        run(act.argv)
    elif isinstance(act, SetMode):
        files.set_mode(act.path, act.mode, act.owner, act.group)
    elif isinstance(act, Override):
        override(act)
    elif isinstance(act, Remove):
        Path(act.path).unlink(missing_ok=True)
    elif isinstance(act, Write) and act.in_place:
        Path(act.path).write_text(act.text, encoding="utf-8")
    elif isinstance(act, Write):
        files.rewrite(act.path, act.text)


def apply(changes: tuple[Change, ...]) -> None:
    """Make every change of a plan, in its order.

    Raises ``ApplyError`` naming the change that failed; those before it stay made, a re-run goes on.
    """
    for change in changes:
        for act in change.acts:
            try:
                perform(act)
            except (OSError, KeyError) as error:
                raise ApplyError(f"{change.topic}: {change.target} cannot become {change.after}: {error}") from error
