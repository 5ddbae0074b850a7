"""The worker verifies what the receiver kept, and does not take the receiver's word for anything."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from haechi.hr import sources
from haechi.hr.envelope import Envelope, read_document
from haechi.hr.signals import RefusedError, UnavailableError

from .conftest import AT, HOOK, IDP, SEOUL, Desk

LEAVE = b'{"event": "leave", "hr_id": "E1007"}'


@pytest.fixture
def kept(desk: Desk) -> Envelope:
    return desk.accepted(desk.hook(LEAVE), HOOK)[0]


def test_an_envelope_that_travelled_says_the_same(desk: Desk, kept: Envelope) -> None:
    arrived = read_document(json.loads(json.dumps(kept.document())))
    assert arrived == kept
    assert sources.read(arrived, HOOK, desk.secrets, arrived.received, SEOUL).signals[0].subject.hr_id == "E1007"


@pytest.mark.parametrize("document", [None, {}, [], {"source": "hr"}, {"extra": 1}])
def test_what_is_no_envelope_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_document(document)


def test_one_message_under_two_ids_is_refused(desk: Desk, kept: Envelope) -> None:
    with pytest.raises(RefusedError, match="somebody wrote it anew"):
        sources.read(replace(kept, id="0" * 64), HOOK, desk.secrets, AT, SEOUL)


def test_a_message_of_another_source_is_refused(desk: Desk, kept: Envelope) -> None:
    with pytest.raises(RefusedError, match="no source hr of kind webhook"):
        sources.read(kept, IDP, desk.secrets, AT, SEOUL)


def test_a_changed_body_is_refused(desk: Desk, kept: Envelope) -> None:
    with pytest.raises(RefusedError, match="not that of this id, time and body"):
        sources.read(replace(kept, body=LEAVE.replace(b"E1007", b"E2000")), HOOK, desk.secrets, AT, SEOUL)


@pytest.mark.parametrize("text", ["", "\n", "whsec_c2hvcnQ=\n", "whsec_%%%\n", None])
def test_without_its_key_a_message_is_neither_accepted_nor_refused(
    desk: Desk, kept: Envelope, text: str | None
) -> None:
    path = desk.secrets.folder / "hr"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnavailableError, match="the secret of source hr cannot be read") as caught:
        sources.read(kept, HOOK, desk.secrets, AT, SEOUL)
    assert "c2hvcnQ" not in str(caught.value)
