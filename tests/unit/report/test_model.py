"""What the report counts and how it groups, restated from the case by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from haechi import catalogue
from haechi.controls.model import Status
from haechi.report.build import build, tally, worst
from haechi.report.model import Coverage, Row

from .stored import controls, report, stored


def test_the_denominators() -> None:
    """All six kinds of verdict, the hosts and the controls are counted, with what is missing named."""
    seen = report()

    assert seen.tally.counts == {
        Status.PASS: 514,
        Status.FAIL: 4,
        Status.MANUAL: 2,
        Status.NOT_APPLICABLE: 134,
        Status.UNKNOWN: 66,
        Status.WAIVED: 1,
    }
    assert seen.tally.total == 721
    assert (len(seen.stored.expected), len(seen.stored.observed), seen.missing) == (9, 8, ("ops1",))
    assert (len(seen.controls), seen.judged_controls) == (83, 83)


def test_the_pass_rate_counts_what_a_machine_had_to_decide() -> None:
    """Unknown and waived count as not passed; manual and not applicable do not count at all."""
    few = tally([Status.PASS, Status.PASS, Status.FAIL, Status.UNKNOWN, Status.WAIVED, Status.MANUAL])

    assert (few.judged, few.rate, few.open) == (5, 40.0, 2)
    assert tally([Status.MANUAL]).rate is None


def test_the_worst_speaks_for_all() -> None:
    """A failure outweighs everything, and a person's open work outweighs a pass."""
    assert worst(Status) is Status.FAIL
    assert worst([Status.PASS, Status.UNKNOWN, Status.WAIVED]) is Status.UNKNOWN
    assert worst([Status.PASS, Status.MANUAL]) is Status.MANUAL
    assert worst([Status.PASS, Status.NOT_APPLICABLE]) is Status.PASS
    assert worst([]) is None


def test_hosts_of_which_the_same_is_said_stand_together() -> None:
    """A control lists each sight once, the worst first, with every host it was seen on."""
    u14 = next(view for view in report().controls if view.control.id == "U-14")

    assert [(group.status, len(group.subjects)) for group in u14.groups] == [("fail", 1), ("unknown", 1), ("pass", 7)]
    assert u14.groups[0].subjects == ("edge2",)
    assert u14.worst is Status.FAIL


def test_a_verdict_of_another_version_is_kept() -> None:
    """A control that this version does not know is shown under its id, never dropped."""
    odd = Row(control="x-1", subject="db1", status=Status.FAIL, seen="seen", expected="expected")
    run = stored()
    seen = build(replace(run, rows=(*run.rows, odd)), controls(), catalogue.articles())
    view = seen.controls[-1]

    assert (view.control.id, view.known, view.worst) == ("x-1", False, Status.FAIL)
    assert seen.tally.counts[Status.FAIL] == 5


def test_a_control_that_was_not_judged_has_no_status() -> None:
    """Without verdicts nothing is said of a control or of the articles it serves."""
    seen = build(replace(stored(), rows=()), controls(), catalogue.articles())
    articles = {view.article.id: view for framework in seen.frameworks for view in framework.articles}

    assert {view.worst for view in seen.controls} == {None}
    assert articles["kisa2026-u-01"].status is None
    assert articles["kisa2026-u-01"].coverage is Coverage.MACHINE


def test_every_article_is_shown_with_who_answers_for_it() -> None:
    """All 452 articles appear, those that no control serves too."""
    frameworks = {one.name: one for one in report().frameworks}

    assert sum(len(one.articles) for one in frameworks.values()) == 452
    assert frameworks["EFSR"].covered == {Coverage.MACHINE: 0, Coverage.PERSON: 0, Coverage.NONE: 98}
    assert frameworks["KISA-UNIX-2026"].covered[Coverage.NONE] == 0


def test_an_item_of_2021_is_served_through_its_successor() -> None:
    """The 2021 list has no controls of its own; its items point to those of 2026."""
    old = next(one for one in report().frameworks if one.name == "KISA-UNIX-2021")

    assert [control.id for control in old.articles[0].controls] == ["U-01"]
    assert sum(one.coverage is Coverage.NONE for one in old.articles) == 9


def test_waivers_count_their_days() -> None:
    """Days left are counted from the day of the run; a lapsed waiver counts backwards and covers nothing."""
    assert [(one.waiver.id, one.days, one.used) for one in report().waivers] == [
        ("backup-suid", 189, 1),
        ("legacy-tftp", -13, 0),
        ("web-path", 8, 0),
    ]


def test_the_trend_is_in_the_order_of_time_and_ends_with_this_run() -> None:
    """Five earlier runs and this one, each with its own rate."""
    points = report().trend

    assert len(points) == 6
    assert [f"{point.tally.rate:.1f}" for point in points] == ["67.1", "78.0", "87.0", "94.5", "91.5", "87.9"]
    assert points[-1].at == datetime(2026, 11, 23, 0, 5, tzinfo=UTC)
