"""What a plan is made of: changes with the acts that make them, findings, and what cannot be true here.

A plan is a value: ``changed``, ``diff`` and evidence are renderings of it, and only ``apply`` acts on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Run:
    """Run a program; its failure fails the change."""

    argv: tuple[str, ...]


@dataclass(frozen=True)
class SetMode:
    """Give a file or folder its mode and owner, never through a link."""

    path: str
    mode: int
    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Override:
    """Record mode and owner with dpkg-statoverride, so that an upgrade keeps them."""

    path: str
    mode: int
    owner: str
    group: str


@dataclass(frozen=True)
class Write:
    """Replace a file's text; ``in_place`` for kernel files, which cannot be renamed over."""

    path: str
    text: str
    in_place: bool = False


@dataclass(frozen=True)
class Remove:
    """Remove one file."""

    path: str


Act = Run | SetMode | Override | Write | Remove

SHOWN = 3


@dataclass(frozen=True)
class Change:
    """One thing that is not as it should be, and what makes it so."""

    topic: str
    target: str
    before: str
    after: str
    acts: tuple[Act, ...] = field(repr=False)


@dataclass(frozen=True)
class Finding:
    """One thing that a person must judge; nothing was changed."""

    topic: str
    target: str
    seen: str
    mend: str


@dataclass(frozen=True)
class NotReal:
    """One thing that this machine cannot make true (a container's read-only /proc/sys): never reported as done."""

    topic: str
    target: str
    wanted: str
    seen: str
    why: str


@dataclass(frozen=True)
class Plan:
    """Everything that one look at the host led to."""

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_real: tuple[NotReal, ...] = ()

    def __add__(self, other: Plan) -> Plan:
        """Join two plans, in order."""
        return Plan(
            self.changes + other.changes,
            self.findings + other.findings,
            self.not_real + other.not_real,
        )


def render(plan: Plan) -> dict[str, object]:
    """Return the plan as a module's result: changed, diff, findings, not_real."""
    lines = [(f"{c.topic}: {c.target}: {c.before}\n", f"{c.topic}: {c.target}: {c.after}\n") for c in plan.changes]
    return {
        "changed": bool(plan.changes),
        "changes": [{k: v for k, v in vars(c).items() if k != "acts"} for c in plan.changes],
        "diff": {"before": "".join(b for b, _ in lines), "after": "".join(a for _, a in lines)},
        "findings": [asdict(finding) for finding in plan.findings],
        "not_real": [asdict(item) for item in plan.not_real],
    }


def remarks(plan: Plan) -> list[str]:
    """Return what an operator must see: one line per topic of findings, one for what is not real here."""
    lines = []
    for topic in sorted({finding.topic for finding in plan.findings}):
        rows = [finding for finding in plan.findings if finding.topic == topic]
        more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
        named = ", ".join(f"{row.target} ({row.seen})" for row in rows[:SHOWN])
        lines.append(f"{topic}: {named}{more}: {rows[0].mend}")
    if plan.not_real:
        named = ", ".join(item.target for item in plan.not_real)
        lines.append(f"not real here, only a virtual machine can show it: {named}")
    return lines
