"""When firmware may be installed: by Korean time, in one window a week, on hosts that are hardware."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi import window
from haechi.policy.firmware import DAYS, LONGEST, SHORTEST, Firmware, Window
from haechi.policy.resolve import KST
from tests.unit.controls import world

SUNDAY = Window(day="sunday", start="02:00", minutes=120)
MONDAY_MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=KST)


@pytest.mark.parametrize(
    ("at", "begins", "holds"),
    [
        (datetime(2026, 11, 29, 2, 0, tzinfo=KST), datetime(2026, 11, 29, 2, 0, tzinfo=KST), True),
        (datetime(2026, 11, 29, 1, 59, 59, tzinfo=KST), datetime(2026, 11, 29, 2, 0, tzinfo=KST), False),
        (datetime(2026, 11, 29, 3, 59, 59, tzinfo=KST), datetime(2026, 11, 29, 2, 0, tzinfo=KST), True),
        (datetime(2026, 11, 29, 4, 0, tzinfo=KST), datetime(2026, 12, 6, 2, 0, tzinfo=KST), False),
        # It is Saturday in London then.
        (datetime(2026, 11, 28, 17, 30, tzinfo=UTC), datetime(2026, 11, 29, 2, 0, tzinfo=KST), True),
    ],
)
def test_the_window_that_is_open_or_the_next_one(at: datetime, begins: datetime, *, holds: bool) -> None:
    """Its first second is in it, the one after it is not."""
    span = window.around(SUNDAY, at)

    assert (span.begins, span.holds(at)) == (begins, holds)


def test_a_window_goes_on_past_midnight_and_past_the_week() -> None:
    """Sunday at eleven, two hours: Monday morning is in it."""
    late = Window(day="sunday", start="23:00", minutes=120)

    assert window.around(late, datetime(2026, 11, 23, 0, 30, tzinfo=KST)).begins == datetime(
        2026, 11, 22, 23, 0, tzinfo=KST
    )


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants none
    st.sampled_from(DAYS),
    st.integers(0, 23),
    st.integers(SHORTEST, LONGEST),
)
def test_the_window_is_never_over_and_never_more_than_a_week_away(
    at: datetime, day: str, hour: int, minutes: int
) -> None:
    """Whenever somebody asks, there is one to tell of, on the day and as long as policy says."""
    span = window.around(Window(day=day, start=f"{hour:02}:00", minutes=minutes), at)

    assert at < span.ends
    assert span.begins - at <= timedelta(days=7)
    assert (DAYS[span.begins.weekday()], span.begins.hour) == (day, hour)
    assert span.ends - span.begins == timedelta(minutes=minutes)


def test_outside_of_it_one_sentence_says_when_it_is() -> None:
    """In check mode, which installs nothing, the next one serves."""
    policy = world.policy().model_copy(update={"firmware": Firmware(hosts=("db1",), window=SUNDAY)})

    with pytest.raises(window.WindowError) as refused:
        window.asked(policy, ["app1", "db1"], MONDAY_MORNING, any_time=False)

    assert str(refused.value) == (
        "no firmware is installed now (Monday 2026-11-23 09:00 KST): the next window is "
        "Sunday 2026-11-29 02:00 to 2026-11-29 04:00 KST (firmware.window). No host was touched"
    )
    assert window.asked(policy, ["db1"], MONDAY_MORNING, any_time=True) == window.around(SUNDAY, MONDAY_MORNING)


@pytest.mark.parametrize("rules", [Firmware(), Firmware(hosts=("db1",), window=SUNDAY)])
def test_where_nothing_is_hardware_nothing_is_asked(rules: Firmware) -> None:
    """A playbook that says nothing would be taken for one that found nothing."""
    policy = world.policy().model_copy(update={"firmware": rules})

    with pytest.raises(window.WindowError, match="as hardware"):
        window.asked(policy, ["app1"], MONDAY_MORNING, any_time=True)
