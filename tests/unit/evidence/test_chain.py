"""A chain tells the first record that was touched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.evidence import canonical, chain
from haechi.evidence.chain import Fault, Harm, Tail

RUN = "20261124T155900Z-audit-00ff00"


def made(count: int, run: str = RUN) -> tuple[list[bytes], Tail]:
    """Return the lines of a good chain, and its end."""
    lines: list[bytes] = []
    tail = chain.empty(run)
    for number in range(1, count + 1):
        line = chain.link(tail, run, "2026-11-24T15:59:00.000+00:00", "posture", {"subject": f"host{number}"})
        lines.append(line)
        tail = chain.after(tail, line)
    return lines, tail


LINES, END = made(8)
PLACES = st.integers(0, len(LINES) - 1)


def test_a_record_is_one_canonical_line() -> None:
    """Whoever has the RFC makes the same bytes."""
    assert LINES[0] == (
        b'{"at":"2026-11-24T15:59:00.000+00:00","body":{"subject":"host1"},"kind":"posture","prev":"'
        + canonical.digest(b'{"genesis":"20261124T155900Z-audit-00ff00","schema":1}').encode()
        + b'","run":"20261124T155900Z-audit-00ff00","schema":1,"seq":1}\n'
    )


def test_a_whole_chain_is_whole() -> None:
    """With the signed end and without."""
    assert chain.verify(LINES, RUN, END) == END
    assert chain.verify(LINES, RUN) == END


def test_a_chain_of_another_run_is_no_chain_of_this_one() -> None:
    """The first link binds the run's name."""
    fault = chain.verify(LINES, "20261124T155900Z-audit-00ff01")

    assert isinstance(fault, Fault)
    assert (fault.seq, fault.line) == (1, 1)


@given(PLACES, st.data())
def test_any_flipped_bit_is_found_and_its_record_named(place: int, data: st.DataObject) -> None:
    """Altered is altered, wherever in the line."""
    line = bytearray(LINES[place])
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= 1 << data.draw(st.integers(0, 7))
    spoiled = [*LINES[:place], bytes(line), *LINES[place + 1 :]]
    if b"\n" in bytes(line)[:-1]:
        return

    fault = chain.verify(spoiled, RUN, END)

    assert isinstance(fault, Fault)
    assert (fault.harm, fault.seq, fault.line) == (Harm.ALTERED, place + 1, place + 1)


@given(PLACES)
def test_a_missing_record_is_named(place: int) -> None:
    """A gap is missing records, a gap at the end a cut."""
    fault = chain.verify([*LINES[:place], *LINES[place + 1 :]], RUN, END)

    assert isinstance(fault, Fault)
    harm = Harm.TRUNCATED if place == len(LINES) - 1 else Harm.MISSING
    assert (fault.harm, fault.seq, fault.line) == (harm, place + 1, place + 1)


@given(PLACES, PLACES)
def test_two_records_that_changed_places_are_named(one: int, other: int) -> None:
    """The first of the two places is named."""
    if one == other:
        return
    spoiled = list(LINES)
    spoiled[one], spoiled[other] = spoiled[other], spoiled[one]

    fault = chain.verify(spoiled, RUN, END)

    assert isinstance(fault, Fault)
    assert (fault.harm, fault.seq, fault.line) == (Harm.REORDERED, min(one, other) + 1, min(one, other) + 1)


@given(PLACES, PLACES)
def test_a_record_that_stands_twice_is_named(source: int, place: int) -> None:
    """A copy of an earlier record is a duplicate; of a later one, the later one is out of order."""
    fault = chain.verify([*LINES[: place + 1], LINES[source], *LINES[place + 1 :]], RUN)

    assert isinstance(fault, Fault)
    if source <= place:
        assert (fault.harm, fault.seq, fault.line) == (Harm.DUPLICATED, source + 1, place + 2)
    elif source == place + 1:
        assert (fault.harm, fault.seq, fault.line) == (Harm.DUPLICATED, source + 1, place + 3)
    else:
        assert (fault.harm, fault.line) == (Harm.REORDERED, place + 2)


@given(PLACES, st.integers(1, 60))
def test_a_cut_is_named(place: int, more: int) -> None:
    """In the middle of a line, and with the signed end also between two."""
    cut = b"".join(LINES[:place]) + LINES[place][:more]

    fault = chain.verify(cut.splitlines(keepends=True), RUN, END)
    between = chain.verify(LINES[:place], RUN, END)

    assert isinstance(fault, Fault)
    assert (fault.harm, fault.seq, fault.why) == (Harm.TRUNCATED, place + 1, chain.TORN)
    assert isinstance(between, Fault)
    assert (between.harm, between.seq, between.line) == (Harm.TRUNCATED, place + 1, place + 1)


@given(PLACES)
def test_a_forged_record_is_found(place: int) -> None:
    """A record in one's place that links to the one before does not link to the one after."""
    tail = Tail(records=place, head=chain.digest(LINES[place - 1]) if place else chain.genesis(RUN))
    forged = chain.link(tail, RUN, "2026-11-24T15:59:00.000+00:00", "posture", {"subject": "nobody"})

    fault = chain.verify([*LINES[:place], forged, *LINES[place + 1 :]], RUN, END)

    assert isinstance(fault, Fault)
    assert (fault.harm, fault.line) == (Harm.ALTERED, place + 1)


def test_a_chain_that_was_forged_whole_ends_elsewhere() -> None:
    """Whoever computes every link anew cannot reach the head that was signed."""
    forged, _ = made(8, RUN)
    tail = Tail(records=6, head=chain.digest(forged[5]))
    for at in (6, 7):
        forged[at] = chain.link(tail, RUN, "2026-11-24T15:59:00.000+00:00", "posture", {"subject": "x"})
        tail = chain.after(tail, forged[at])

    fault = chain.verify(forged, RUN, END)

    assert isinstance(fault, Fault)
    assert (fault.harm, fault.line) == (Harm.ALTERED, 8)


def test_records_after_the_end_are_added() -> None:
    """A closed run takes no more."""
    fault = chain.verify([*LINES, chain.link(END, RUN, "2026", "run", {})], RUN, END)

    assert isinstance(fault, Fault)
    assert (fault.harm, fault.seq) == (Harm.ADDED, 9)


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_judged(data: bytes) -> None:
    """No input crashes verify."""
    chain.verify(data.splitlines(keepends=True), RUN, END)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_whatever_a_host_answers_can_be_stored(body: dict) -> None:
    """What has no canonical form is kept as text."""
    stored = canonical.dumps(canonical.storable(body))

    assert body == canonical.restored(json.loads(stored))


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), "\ud800", {1: 2}, b"", object()])
def test_what_json_cannot_say_one_way_is_refused(value: object) -> None:
    """A digest over two possible texts proves nothing."""
    with pytest.raises(canonical.CanonicalError):
        canonical.dumps(value)


def test_each_of_a_thousand_records_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor does not wait: a chain that is twice as long is twice the work."""
    lines, end = made(1000)
    read, real = [], chain.parse

    def parse(line: bytes) -> dict[str, Any] | None:
        read.append(line)
        return real(line)

    monkeypatch.setattr(chain, "parse", parse)

    assert end == chain.verify(lines, RUN, end)
    assert read == lines
