"""Stored observations of hardened hosts open whole, and nothing else that calls itself a posture opens at all."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.observe.posture import Posture, UnknownError, open_posture

CASES = Path(__file__).resolve().parents[2] / "cases/posture"
NONCE = "0123456789abcdef0123456789abcdef"
HOSTS = {"bookworm": ("db1", "12"), "trixie": ("app1", "13")}
SECTIONS = sorted(name for name, value in vars(Posture).items() if isinstance(value, cached_property))


def stored(release: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CASES / f"{release}.json").read_text())
    return document


def opened(raw: object, release: str = "trixie", host_key: str | None = None) -> Posture:
    return open_posture(raw, host=HOSTS[release][0], nonce=NONCE, host_key=host_key)


@pytest.mark.parametrize("release", HOSTS)
@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_a_real_host_opens(release: str, section: str) -> None:
    """The collectors write what the judges' schema says, on both releases."""
    getattr(opened(stored(release), release), section)


@pytest.mark.parametrize(("release", "number"), [("bookworm", "12"), ("trixie", "13")])
def test_a_stored_host_is_what_it_says(release: str, number: str) -> None:
    """The files are of the releases that they are named after, hardened, and their rules are those of the file."""
    posture = opened(stored(release), release)

    assert posture.host.release == number
    assert posture.firewall.live == posture.firewall.file
    assert posture.sshd.settings["permitrootlogin"] == "no"
    assert posture.sshd.stale == ()
    assert {"root", "haechi"} <= set(posture.sshd.users)
    assert posture.sudo.valid


@pytest.mark.parametrize("release", HOSTS)
def test_no_secret_is_in_an_observation(release: str) -> None:
    """No hash beyond its prefix, no key but its fingerprint."""
    text = (CASES / f"{release}.json").read_text()

    assert not re.search(r"\$(y|gy|1|5|6|7|2[abxy])\$[^\"]", text)
    assert not re.search(r"PRIVATE KEY|AAAA[BCE]3Nza", text)


def test_an_answer_of_another_is_unknown() -> None:
    """Another host, another run, another machine, another kind: none of them is the posture that was asked for."""
    whole = stored("trixie")
    wrong = [
        stored("bookworm"),
        {**whole, "subject": "app2"},
        {**whole, "nonce": NONCE[::-1]},
        {**whole, "kind": "probe"},
        {**whole, "schema": 2},
        {key: value for key, value in whole.items() if key != "at"},
        json.dumps(whole)[:-200],
        None,
    ]

    for raw in wrong:
        with pytest.raises(UnknownError):
            opened(raw)
    with pytest.raises(UnknownError, match="has host key"):
        opened(whole, host_key="SHA256:another")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("damage", [None, {}, {"seen": None}, {"seen": "x"}, {"unknown": "no"}, [], {"seen": {"x": 1}}])
def test_a_damaged_section_is_unknown_and_the_others_are_not(section: str, damage: object) -> None:
    """What was not seen is never a section."""
    whole = stored("trixie")
    whole["data"]["sections"][section] = damage
    posture = opened(whole)

    with pytest.raises(UnknownError, match=section):
        getattr(posture, section)
    assert getattr(posture, "pam" if section != "pam" else "sshd")


@pytest.mark.parametrize(
    ("section", "cut"),
    [
        ("accounts", lambda seen: seen["rows"].pop(0)),
        ("accounts", lambda seen: seen["groups"].pop(0)),
        ("walk", lambda seen: seen["rows"].pop()),
        ("walk", lambda seen: seen["total"].pop("hidden")),
        ("walk", lambda seen: seen.update(files=3)),
        ("packages", lambda seen: seen["installed"].clear()),
        ("sshd", lambda seen: seen["settings"].clear()),
        ("homes", lambda seen: seen.clear()),
        ("sockets", lambda seen: seen.clear()),
        ("mounts", lambda seen: seen.clear()),
        ("units", lambda seen: seen["files"].clear()),
        ("modes", lambda seen: seen["rows"].clear()),
        ("sudo", lambda seen: seen["files"].clear()),
    ],
)
def test_a_section_that_was_cut_short_is_unknown(section: str, cut: Any) -> None:
    """A judge that looks for offenders must not find none because the list ended early."""
    whole = stored("trixie")
    cut(whole["data"]["sections"][section]["seen"])

    with pytest.raises(UnknownError, match=section):
        getattr(opened(whole), section)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from(["seen", "unknown", "rows", "files", "settings", "values", "active", "kind", "name", "mode"])
LIKELY = st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=3), max_size=3)


def each_is_seen_or_unknown(raw: object) -> None:
    try:
        posture = opened(raw)
    except UnknownError:
        return
    for section in SECTIONS:
        try:
            value = getattr(posture, section)
        except UnknownError:
            continue
        assert type(value).__module__.startswith("haechi.observe") or isinstance(value, tuple)


@given(JSON)
def test_any_json_is_a_posture_or_unknown(raw: object) -> None:
    """Whatever answers, nothing but a reason or a typed section comes of it."""
    each_is_seen_or_unknown(raw)


@given(st.dictionaries(st.sampled_from(SECTIONS), JSON | LIKELY, max_size=4) | JSON)
def test_any_sections_are_seen_or_unknown(sections: object) -> None:
    """An envelope in order says nothing about what is in it."""
    each_is_seen_or_unknown({**stored("trixie"), "data": {"sections": sections}})
