"""What a host takes for a list, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.pull import document, judge
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import Listed, ListError

from haechi import signing

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SAYS: dict[str, Any] = {
    "schema": 1,
    "sequence": 7,
    "site": "small",
    "issued": "2026-11-26T12:00:00+00:00",
    "expires": "2026-12-03T12:00:00+00:00",
    "user_ca": "ssh-ed25519 AAAAca",
    "revoked": "# list 1\nid: carol\n",
    "people": {"carol": ["SHA256:x"]},
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    public = {name: signing.make(folder / name, name) for name in ("site", "stranger")}
    (folder / "signers").write_text(signing.allowed(document.NAMESPACE, public["site"]))
    return {name: folder / name for name in ("site", "stranger", "signers")}


def signed(key: Path, namespace: str = document.NAMESPACE, **more: Any) -> bytes:
    body = SAYS | more
    return json.dumps({**body, "signature": signing.sign(key, namespace, signing.canonical(body))}).encode()


def test_a_good_list_is_read(keys: dict[str, Path]) -> None:
    """The positive control of the cases below."""
    seen = document.read(signed(keys["site"]), "small", str(keys["signers"]))

    assert (seen.sequence, seen.issued, seen.people) == (7, NOON, {"carol": ("SHA256:x",)})


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"{", b"\xff\xfe", b"null", b"[]", b"7", b'{"schema": 1}', b"[" * 100_000]
)
def test_what_is_no_list(keys: dict[str, Path], data: bytes) -> None:
    """Anything at all may come over the network."""
    with pytest.raises(ListError, match=r"empty|cut short or corrupt"):
        document.read(data, "small", str(keys["signers"]))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"schema": 2}, "its schema is 2"),
        ({"site": "other"}, "of the site 'other'"),
        ({"people": ["carol"]}, "has another form"),
        ({"issued": "yesterday"}, "has another form"),
        ({"sequence": None}, "has another form"),
    ],
)
def test_what_is_signed_and_no_list_of_ours(keys: dict[str, Path], more: dict[str, Any], why: str) -> None:
    """Signed by the site, and still not what this host can act on."""
    with pytest.raises(ListError, match=why):
        document.read(signed(keys["site"], **more), "small", str(keys["signers"]))


def test_another_key_and_another_purpose_sign_nothing(keys: dict[str, Path]) -> None:
    """The store of tombstones is signed by the same key, and is no list."""
    for data in (signed(keys["stranger"]), signed(keys["site"], "haechi-tombstones")):
        with pytest.raises(ListError, match="its signature is not the site's"):
            document.read(data, "small", str(keys["signers"]))


def test_one_letter_breaks_the_signature(keys: dict[str, Path]) -> None:
    """Every value of it is signed."""
    good = signed(keys["site"]).decode()
    for before, after in (('"sequence": 7', '"sequence": 8'), ("id: carol", "id: carok"), ("12-03", "12-04")):
        assert before in good
        with pytest.raises(ListError, match="signature"):
            document.read(good.replace(before, after).encode(), "small", str(keys["signers"]))


def listed(number: int = 7, **more: Any) -> Listed:
    row = {"issued": NOON, "expires": NOON + timedelta(days=7), "user_ca": "", "revoked": "", "text": str(number)}
    return Listed(sequence=number, **row | more)


@pytest.mark.parametrize(
    ("new", "held", "highest", "after", "why"),
    [
        pytest.param(8, 7, 7, 0, "", id="the next"),
        pytest.param(7, 7, 7, 0, "", id="the same"),
        pytest.param(6, 7, 7, 0, "number 6, and 7 was seen before", id="played again"),
        pytest.param(6, None, 7, 0, "number 6, and 7 was seen before", id="played again to one that lost its list"),
        pytest.param(8, None, 0, 0, "", id="the first"),
        pytest.param(8, 7, 7, 7 * 24, "it expired at 2026-12-03 12:00 UTC", id="too late"),
    ],
)
def test_which_list_is_taken(new: int, held: int | None, highest: int, after: int, why: str) -> None:
    """The number only rises, and its end is its end."""
    before = None if held is None else listed(held)
    said = judge.refused(listed(new), before, highest, NOON + timedelta(hours=after))

    assert (why in said, bool(said)) == (True, bool(why))


def test_one_number_is_one_list() -> None:
    """Two lists under one number: one of them is a lie."""
    assert "another list under number 7" in judge.refused(listed(7, text="a"), listed(7, text="b"), 7, NOON)


@pytest.mark.parametrize(
    ("confirmed", "minutes_later", "stale"),
    [
        pytest.param(NOON, 60, False, id="an hour"),
        pytest.param(NOON, 61, True, id="more than an hour"),
        pytest.param(None, 0, True, id="never confirmed"),
        pytest.param(NOON + timedelta(days=6, hours=23), 7 * 24 * 60 + 61, True, id="past its end, though confirmed"),
        pytest.param(NOON + timedelta(days=3), 61, True, id="confirmed by a clock that was set back since"),
    ],
)
def test_when_it_is_stale(confirmed: datetime | None, minutes_later: int, stale: bool) -> None:  # noqa: FBT001
    """Since the last confirmation, or since its end, whichever was first."""
    assert bool(judge.stale(listed(), confirmed, NOON + timedelta(minutes=minutes_later), 60)) is stale


def test_a_clock_behind_the_list_goes_by_the_list() -> None:
    """The list was issued at some time that has passed wherever it is read."""
    assert judge.clock(NOON - timedelta(days=400), listed()) == NOON
    assert judge.clock(NOON + timedelta(hours=1), listed()) == NOON + timedelta(hours=1)
