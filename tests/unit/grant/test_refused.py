"""Every way to get a privilege that one should not have: one data file each, named by what is wrong.

A case asks (``ask``; changed after it was signed by ``altered``), approves (``approve``) and has it granted. ``left``
and ``policy`` change the site after the step that they name. Exactly one step is refused, with the reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from haechi import tombstones
from haechi.grant import APPROVAL, REQUEST, GrantError, desk
from haechi.grant.document import Request

from .conftest import POLICY, Site

CASES = sorted((Path(__file__).parents[2] / "cases/grant").glob("*.yml"))


def change(site: Site, case: dict[str, Any], step: str) -> None:
    """Let time pass after a step: somebody leaves, policy changes."""
    if case.get("after") == step:
        for who in case.get("left", []):
            tombstones.record(site.state, who)
        if "policy" in case:
            site.set("privilege", privilege={**POLICY, **case["policy"]})


def request(site: Site, case: dict[str, Any]) -> Request:
    asked = {name: tuple(row) if isinstance(row, list) else row for name, row in case.get("ask", {}).items()}
    by = asked.pop("by", "")
    # Whoever writes the document is told of it, and so is whoever takes one that was written otherwise.
    made = site.document()
    wrong = made.model_copy(update=_window(made, asked) | asked)
    signature = site.signature(by or wrong.person, wrong.text(), REQUEST)
    sent = wrong.model_copy(update=case.get("altered", {}))
    for _ in range(case.get("times", 1)):
        taken, _ = desk.take_request(site.desk(), sent.text(), signature)
    return taken


def _window(made: Request, asked: dict[str, Any]) -> dict[str, Any]:
    begins, ends = asked.pop("window", (0, 30))
    later = made.ends - made.begins
    return {"begins": made.begins + later / 30 * begins, "ends": made.begins + later / 30 * ends}


def approve(site: Site, row: dict[str, Any], asked: Request) -> None:
    said, _ = desk.approval(site.desk(), asked.id, "minho")
    wrong = said.model_copy(update={"approver": row["who"], **row.get("change", {})})
    signature = site.signature(row.get("by", row["who"]), wrong.text(), row.get("purpose", APPROVAL))
    desk.take_approval(site.desk(), wrong.text(), signature)


def carry_out(site: Site, case: dict[str, Any], done: list[str]) -> None:
    """Ask, approve, grant; ``done`` are the steps that were taken."""
    change(site, case, "start")
    asked = request(site, case)
    done.append("request")
    change(site, case, "request")
    for row in case.get("approve", []):
        approve(site, row, asked)
    done.append("approval")
    change(site, case, "approval")
    desk.grant(site.desk(), asked.id)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_it_is_refused_with_the_reason(site: Site, path: Path) -> None:
    """At the step that the case names, and never silently."""
    case, done = yaml.load(path.read_text(), yaml.CSafeLoader), []

    with pytest.raises(GrantError) as refusal:
        carry_out(site, case, done)

    assert case["refused"] in str(refusal.value)
    assert ["request", "approval", "grant"][len(done)] == case["at"]
