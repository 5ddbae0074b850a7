"""What nobody saw supports nothing: each section and each probe that a judge looks at, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from haechi.controls import by_id
from haechi.controls.model import Scope

from . import stored, world

HOLDS = {"pass", "not_applicable", "manual"}
CONTENT = [given for given in stored.all_cases() if given.status in HOLDS and given.host == "app1"]
# One case a control in `make check`, all of them in `make test`.
FIRST = {given.control.id: given for given in reversed(CONTENT)}
MARKED = [
    pytest.param(given, marks=() if FIRST[given.control.id] is given else pytest.mark.exhaustive, id=str(given))
    for given in CONTENT
]
AUTOMATED = [control for control in by_id().values() if world.is_automated(control)]
DAMAGES = ({"unknown": "permission denied"}, {"drop": True})


def damaged(given: stored.Given, host: str, section: str, damage: dict[str, Any]) -> tuple[str, str]:
    """Return a judge's status and sight when one section of a host that pleased it is damaged."""
    answers = given.answers()
    answers[host] = world.edited(answers[host], [{"at": [section], **damage}])
    verdict = world.judged(given.control, given.opened(answers))
    return verdict.status, verdict.seen


@pytest.mark.parametrize("given", MARKED)
def test_a_section_that_was_not_seen_makes_its_controls_unknown(given: stored.Given) -> None:
    """Whatever a judge needed for its verdict, without it there is none."""
    needed = world.looked_at(given.control, given.opened())
    said = [damaged(given, *place, damage) for place in sorted(needed) for damage in DAMAGES]

    assert needed or given.probes or given.records or given.tries
    assert [seen for status, seen in said if status != "unknown"] == []
    assert all(
        seen.startswith(section) for (_, section), (_, seen) in zip(sorted(needed), said[:: len(DAMAGES)], strict=True)
    )


@pytest.mark.parametrize("control", [c for c in AUTOMATED if c.scope is Scope.PAIR], ids=lambda c: c.id)
@pytest.mark.parametrize("changes", [{}, {"subject": "db1"}, {"nonce": "f" * 32}, {"kind": "record"}])
def test_nothing_tried_in_this_run_is_no_answer(control: Any, changes: dict[str, str]) -> None:
    """No probes at all, another host's, another run's, or what is no probe: an audit takes none of them."""
    (given, *_) = [given for given in CONTENT if given.control is control]
    rows = [{**world.probe("app1", row), **changes} for row in given.probes] if changes else []
    answer = {"observation": world.answer("app1")["observation"], "probes": rows}
    said = world.audited({"app1": answer})

    assert said["app1", control.id].status == "unknown"


@pytest.mark.parametrize("control", [c for c in AUTOMATED if c.scope is Scope.PAIR], ids=lambda c: c.id)
def test_the_same_probes_of_this_run_are_an_answer(control: Any) -> None:
    """Otherwise the test above would find unknown whatever it sent."""
    (given, *_) = [given for given in CONTENT if given.control is control]
    rows = [world.probe("app1", row) for row in given.probes]
    answer = {"observation": world.answer("app1")["observation"], "probes": rows}

    assert world.audited({"app1": answer})["app1", control.id].status == "pass"
