"""From runs to figures."""

from __future__ import annotations

import pytest

from haechi.bench.figures import Sample, Samples, Seen, Way, cpu_per_extra_host, figures, seconds, way


def runs(*pairs: tuple[float, float]) -> list[Sample]:
    return [Sample(*pair) for pair in pairs]


def test_one_disturbed_run_moves_nothing() -> None:
    """A machine that was busy for a moment is no slow program."""
    assert seconds(runs((1.4, 1), (1.5, 1), (60.0, 1))) == 1.5


def test_a_further_host_costs_what_all_cost_more_than_one() -> None:
    """What every run costs once, as loading a playbook, is not counted again for each host."""
    assert cpu_per_extra_host(runs((9, 4.0), (9, 5.0), (9, 4.5)), runs((9, 12.5)), 9) == pytest.approx(1.0)


def test_one_host_has_no_further_one() -> None:
    """Nothing is divided by nothing."""
    with pytest.raises(ValueError, match="takes two hosts"):
        cpu_per_extra_host(runs((9, 4.0)), runs((9, 4.0)), 1)


def test_times_are_told_in_pings() -> None:
    """The unit is the median of all pings, those beside another playbook included."""
    told = figures(
        Samples(
            hosts=3,
            ping=runs((1.3, 1), (1.4, 1), (9.9, 1)),
            site=runs((7.0, 3.0)),
            audit=runs((2.8, 2.0)),
            lab=runs((14.04, 5.5)),
            converge=Sample(20.26, 6.0),
            perimeter=Seen(inspected=[0.02, 0.03], uninspected=[0.01, 0.01], gap_s=2.204),
        )
    )

    assert (told.ping_s, told.site_rerun_pings, told.audit_pings) == (1.4, 5.0, 2.0)
    assert (told.cpu_s_per_extra_host, told.first_converge_s, told.lab_rerun_s) == (1.25, 20.3, 14.0)
    assert (told.failover_s, told.uninspected) == (2.2, Way(per_s=100.0, p50_ms=10.0, p99_ms=10.0))
    assert told.inspected == Way(per_s=40.0, p50_ms=25.0, p99_ms=29.9)


def test_one_slow_answer_is_in_the_p99_and_not_in_the_p50() -> None:
    """Of 200 questions three that hang are more than one in a hundred."""
    told = way([0.01] * 197 + [0.5] * 3)

    assert (told.p50_ms, told.p99_ms, told.per_s) == (10.0, 500.0, 57.6)
