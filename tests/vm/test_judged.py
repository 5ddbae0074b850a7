"""What the audit says of a machine with a kernel of its own, and of one whose kernel somebody has loosened."""

from __future__ import annotations

import json
import sys

import pytest
from rich.console import Console

from haechi.controls import all_controls
from tests.lab import breakers

from .expected import KERNEL
from .machine import NAME, Machine

ONLY_HERE = ("vm",)
Verdicts = tuple[int, dict[str, dict[str, str]]]


def test_the_audit_passes(verdicts: Verdicts) -> None:
    """Nothing failed and nothing is unknown, after two boots."""
    code, rows = verdicts

    assert breakers.worse({}, _by_subject(rows)) == []
    assert code == 0


@pytest.mark.parametrize("control", [*KERNEL, "U-65"])
def test_a_kernel_of_one_s_own_is_judged(verdicts: Verdicts, control: str) -> None:
    """In a container some of these are not applicable; here each one passes."""
    assert verdicts[1][control]["status"] == "pass"


@pytest.fixture(scope="module")
def broken(machine: Machine, verdicts: Verdicts) -> tuple[list[breakers.Row], list[str]]:
    """Break what only a kernel can show, audit, let the role mend it, audit; keep the rows with the lab's."""
    chosen = [control for control in all_controls() if control.breaker and control.breaker.hosts == ONLY_HERE]
    batch = breakers.Batch({NAME: chosen})
    before = _by_subject(verdicts[1])
    machine.root("\n".join(control.breaker.script for control in chosen if control.breaker))
    said = _by_subject(machine.audit()[1])
    mend = machine.playbook("site")
    mended = _by_subject(machine.audit()[1])
    wrong = breakers.strays(batch, before, said)
    wrong += [f"{words} after mending" for _, words in breakers.worse({}, mended)]
    wrong += [] if mend.returncode == 0 else [mend.stdout[-2000:]]
    rows = [breakers.row_of(host, control, before, said, mended) for host, control in batch.pairs()]
    breakers.show(Console(file=sys.stdout, width=160), rows)
    _keep(rows)
    return rows, wrong


def test_every_control_that_only_a_kernel_can_show_has_been_broken(
    broken: tuple[list[breakers.Row], list[str]],
) -> None:
    """Exactly those that the lab's machines leave to this tier."""
    assert sorted(row.control for row in broken[0]) == ["kernel-links", "kernel-memory", "kernel-network"]


def test_the_audit_catches_each_and_nothing_else(broken: tuple[list[breakers.Row], list[str]]) -> None:
    """Broken says fail, mended by the role says pass."""
    rows, wrong = broken

    assert wrong == []
    assert {(row.audit_after_break, row.audit_after_role, row.mended_by) for row in rows} == {("fail", "pass", "role")}


def _by_subject(rows: dict[str, dict[str, str]]) -> breakers.Verdicts:
    return {(control, row["subject"]): row for control, row in rows.items()}


def _keep(rows: list[breakers.Row]) -> None:
    """Add the rows to those that the lab's machines left, in the place of older ones of the same controls."""
    path = breakers.ROOT / "artifacts/breakers.json"
    mine = {row.control for row in rows}
    lab = [breakers.Row(**row) for row in json.loads(path.read_text())] if path.is_file() else []
    breakers.write([*(row for row in lab if row.control not in mine), *rows])
