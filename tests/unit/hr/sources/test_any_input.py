"""Whatever is sent, by whomever: it is read, or refused with words; nothing else happens."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from haechi.hr.signals import RefusedError
from haechi.hr.sources import events, plainjson, roster, subjects

from .conftest import HOOK, IDP, OKTA, Desk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["format", "user", "id", "sub", "email", "uri", "identifiers", "subject_type", "externalId", "userName", "data"]
)
IDENTIFIER = st.recursive(
    st.dictionaries(NAMES, st.sampled_from(["complex", "aliases", "scim", "opaque", "account", "acct:", "/"]) | JSON),
    lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, max_size=3), max_size=4),
    max_leaves=6,
)


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_plain_json_is_read_or_refused(body: bytes) -> None:
    with suppress(RefusedError):
        assert json.dumps(plainjson.read(body), ensure_ascii=False).encode()


@given(st.dictionaries(st.sampled_from(["event", "hr_id", "user_name", "effective", "immediate", "reason"]), JSON))
def test_a_signed_webhook_of_any_words(desk: Desk, said: dict[str, Any]) -> None:
    with suppress(RefusedError):
        desk.said(**{"event": "leave", **said})


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp"]), st.text()))
def test_a_webhook_of_a_stranger(desk: Desk, body: bytes, headers: dict[str, str]) -> None:
    message = desk.hook(b"{}")
    with suppress(RefusedError):
        desk.accepted(replace(message, body=body, headers={**message.headers, **headers}), HOOK)
        raise AssertionError(body)


@given(st.binary(max_size=200) | st.text(alphabet="eyJ.-_aAzZ09", max_size=200).map(str.encode))
def test_a_token_of_a_stranger(desk: Desk, body: bytes) -> None:
    with suppress(RefusedError):
        desk.accepted(replace(desk.token({}), body=body), IDP)
        raise AssertionError(body)


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "iat", "exp", "jti", "events", "sub", "sub_id"]),
        st.dictionaries(st.text(), IDENTIFIER | JSON, max_size=3) | JSON,
    )
)
def test_a_signed_token_of_any_claims(desk: Desk, claims: dict[str, Any]) -> None:
    with suppress(RefusedError):
        desk.accepted(desk.token({"events": {"x": {}}, **claims}), IDP)


@given(IDENTIFIER, IDENTIFIER)
def test_any_subject(identifier: dict[str, Any], event: dict[str, Any]) -> None:
    found = subjects.of({"sub_id": identifier}, event)
    assert all(value is None or value.strip() for value in vars(found).values())


@given(st.text(), JSON)
def test_any_event_has_a_name_to_show(name: str, subject: Any) -> None:
    assert events.called(name).isprintable()
    assert events.act(name, {}, {"sub_id": subject}, freezes=True)


@given(st.dictionaries(st.sampled_from(["resource", "id", "version", "before", "after", "name", "joined"]), JSON))
def test_a_change_of_any_context(desk: Desk, context: dict[str, Any]) -> None:
    with suppress(RefusedError):
        desk.accepted(desk.scim(context), OKTA)


@given(st.text(alphabet='issued,hr_idE1\n\r"=+-@ 2026T:\ufeff\x00', max_size=120))
def test_a_roster_of_any_text(text: str) -> None:
    with suppress(RefusedError, ValueError):
        roster._csv(b"issued,2026-11-26T09:00+09:00\nhr_id\n" + text.encode())
