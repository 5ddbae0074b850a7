"""What a person is told while a playbook runs: pure text from counts, so that it can be tested without Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMES_SHOWN = 6
WIDTH = 160
# Where a module or a command says what went wrong, in the order a person wants to read it.
SAID = ("msg", "stderr", "module_stderr", "stdout", "module_stdout")


@dataclass
class Step:
    """One task over all hosts, as it went."""

    title: str
    started: float
    ok: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    quiet: bool = False
    warnings: dict[str, set[str]] = field(default_factory=dict)

    @property
    def hosts(self) -> set[str]:
        """Return the hosts on which the task did something, or tried."""
        return self.ok | self.changed | self.failed | self.unreachable | self.ignored

    def line(self, now: float) -> str | None:
        """Return the step's line, or None for one that was skipped everywhere or is Ansible's own and went well."""
        if not self.hosts or (self.quiet and self.hosts == self.ok):
            return None
        parts = [f"{len(self.hosts)} host{'s' if len(self.hosts) > 1 else ''}"]
        for word in ("changed", "failed", "unreachable", "ignored"):
            names = getattr(self, word)
            if names:
                parts.append(f"{len(names)} {word}{named(names, len(self.hosts))}")
        return f"  {self.title}: {', '.join(parts)}, {now - self.started:.1f} s"

    def remarks(self, *, full: bool) -> list[str]:
        """Return what hosts warned of, each text once, with who said it; ``full`` shortens nothing."""
        lines = []
        for text, names in self.warnings.items():
            short = text if full or len(text) <= WIDTH else f"{text[:WIDTH]} .. (all of it with -v)"
            who = f"{len(names)} hosts" if len(names) > NAMES_SHOWN else " ".join(sorted(names))
            lines.append(f"    {who}: {short}")
        return lines


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One run, as it is written down."""

    hosts: list[str]
    changed: int
    failed: list[str]
    unreachable: list[str]
    seconds: float


def named(names: set[str], total: int) -> str:
    """Return the names in brackets, unless they are all hosts or too many to read."""
    if total > 1 and (len(names) == total or len(names) > NAMES_SHOWN):
        return ""
    return f" ({' '.join(sorted(names))})"


def title(task: str, role: str | None) -> str:
    """Return a task's name with its role before it, once and without the collection."""
    name = task.split(" : ", 1)[-1]
    return f"{role.rsplit('.', 1)[-1]}: {name}" if role else name


def complaint(host: str, word: str, result: Mapping[str, object]) -> str:
    """Return everything that a failed task said on a host."""
    lines: list[str] = []
    for name in SAID:
        text = str(result.get(name) or "").strip()
        if text and text not in lines:
            lines.append(text)
    body = "\n".join(lines) or "no reason was given"
    return f"    {host} {word}: " + body.replace("\n", "\n      ")


def closing(summary: Summary) -> str:
    """Return the last line of a run."""
    bad = [
        f"{word}: {' '.join(names)}"
        for word, names in (("FAILED", summary.failed), ("UNREACHABLE", summary.unreachable))
        if names
    ]
    state = "; ".join(bad) or "nothing failed"
    return f"{len(summary.hosts)} hosts, {summary.changed} changes, {state}, {summary.seconds} s"
