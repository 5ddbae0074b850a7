"""What is wrong with a policy, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Path = tuple[str | int, ...]
LONGEST = 60  # characters of a value that a message repeats


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One finding, as a person can act on it; ``line`` is 1-based and 0 where there is no line."""

    file: str
    line: int
    path: str
    what: str
    mend: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True)
class Where:
    """Turns a value's path in the policy into its file and line.

    ``lab`` tells that `haechi lab up` makes the keys; ``original`` finds the path in the files of a path in a policy
    from which broken parts were taken out.
    """

    places: Mapping[Path, tuple[str, int]]
    lab: bool = False
    original: Callable[[Path], Path] = lambda path: path

    def problem(self, path: Path, what: str, mend: str, *, warning: bool = False) -> Problem:
        """Return a problem at the place of a value, or of the nearest thing that holds it."""
        file, line = self.place(path)
        severity: Literal["error", "warning"] = "warning" if warning else "error"
        return Problem(file=file, line=line, path=dotted(self.original(path)), what=what, mend=mend, severity=severity)

    def place(self, path: Path) -> tuple[str, int]:
        """Return file and line of a value."""
        path = self.original(path)
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return ("group_vars/all/policy", 0)


def dotted(path: Path) -> str:
    """Return a path as a person writes it: ``flows[3].ports[0]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def shown(value: object) -> str:
    """Return a value for a message: control characters made visible, no longer than a line."""
    text = value if isinstance(value, str) else str(value)
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def did_you_mean(word: str, known: object) -> str:
    """Return a hint at the nearest known word, or at all of them where none is near."""
    words = sorted(map(str, known)) if isinstance(known, list | tuple | set | frozenset | dict) else []
    near = get_close_matches(word, words, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"known are: {', '.join(words)}" if words else "none is defined yet"
