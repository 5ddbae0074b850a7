"""An issuer's keys: replaced without a word, fetched seldom, and kept while the issuer cannot be asked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from joserfc import jwk

from haechi.hr.signals import UnavailableError
from haechi.hr.sources.jwks import Keys, _bounded

URL = "https://idp.example.com/keys"


def public(name: str) -> dict[str, object]:
    return {**jwk.ECKey.generate_key("P-256").as_dict(private=False), "kid": name}


class Issuer:
    """An issuer that can be asked, and a clock."""

    def __init__(self, *names: str) -> None:
        """Begin with some keys."""
        self.keys = [public(name) for name in names]
        self.asked, self.now, self.fault = 0, 0.0, None

    def fetch(self, url: str) -> bytes:
        """Answer."""
        assert url == URL
        self.asked += 1
        if self.fault:
            raise self.fault
        return json.dumps({"keys": self.keys}).encode()

    def found(self, keys: Keys, name: str | None) -> str | None:
        """Return the id of the key that is found for a name."""
        key = keys.find(name)
        return key and key.kid

    def known(self) -> Keys:
        """Return the keys of this issuer, of which none was asked yet."""
        return Keys(URL, self.fetch, lambda: self.now)


def test_keys_are_asked_for_once() -> None:
    issuer = Issuer("a", "b")
    keys = issuer.known()
    assert [issuer.found(keys, name) for name in ("a", "b", "a")] == ["a", "b", "a"]
    assert issuer.asked == 1


def test_a_new_key_is_found_a_minute_later_at_most_and_the_issuer_is_not_flooded() -> None:
    issuer = Issuer("a")
    keys = issuer.known()
    issuer.found(keys, "a")
    issuer.keys.append(public("b"))
    issuer.now = 59
    assert [issuer.found(keys, "b") for _ in range(10)] == [None] * 10
    assert issuer.asked == 1
    issuer.now = 60
    assert [issuer.found(keys, name) for name in ("b", "c", "c", "c")] == ["b", None, None, None]
    assert issuer.asked == 2


def test_a_key_that_was_taken_back_counts_an_hour_at_most() -> None:
    issuer = Issuer("a", "b")
    keys = issuer.known()
    issuer.found(keys, "a")
    issuer.keys.pop(0)
    issuer.now = 3601
    assert issuer.found(keys, "a") is None


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("down"), OSError("no route"), ValueError("more than 262144 bytes")]
)
def test_while_the_issuer_cannot_be_asked_its_keys_go_on_to_count(fault: Exception) -> None:
    issuer = Issuer("a")
    keys = issuer.known()
    issuer.found(keys, "a")
    issuer.fault, issuer.now = fault, 4000
    assert issuer.found(keys, "a") == "a"
    with pytest.raises(UnavailableError, match=r"the keys of https://idp\.example\.com/keys cannot be had"):
        Keys(URL, issuer.fetch).find("a")


@pytest.mark.parametrize("text", [b"", b"[]", b'{"keys": null, "x": }', b"\xff", b"<html>", b"[" * 100_000])
def test_an_answer_that_is_no_jwks_is_no_answer(text: bytes) -> None:
    with pytest.raises(UnavailableError):
        Keys(URL, lambda _url: text).find("a")


def test_keys_that_verify_nothing_are_passed_over() -> None:
    issuer = Issuer("a")
    issuer.keys += [
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
        {"kty": "PQ", "kid": "new"},
        {**public("encryption"), "use": "enc"},
        {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "!", "y": "!"},
    ]
    keys = issuer.known()
    names = ("a", "secret", "new", "encryption", "broken")
    assert [issuer.found(keys, name) for name in names] == ["a", None, None, None, None]


def test_a_token_without_a_name_of_its_key_needs_there_to_be_one_key() -> None:
    one, two = Issuer("a"), Issuer("a", "b")
    assert one.found(one.known(), None) == "a"
    assert two.found(two.known(), None) is None


def test_a_file_is_read_anew_when_it_was_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "idp.jwks"
    keys = Keys(str(path), never)
    for second, name in enumerate(("a", "b")):
        path.write_text(json.dumps({"keys": [public(name)]}))
        os.utime(path, (second, second))
        key = keys.find(name)
        assert key is not None
        assert key.kid == name
    assert keys.find("a") is None
    path.unlink()
    with pytest.raises(UnavailableError, match="No such file"):
        keys.find("b")


def test_an_answer_of_many_bytes_is_not_taken_in() -> None:
    taken = []

    def parts() -> Callable[[], bytes]:
        for number in range(1000):
            taken.append(number)
            yield b"x" * 1024

    with pytest.raises(ValueError, match="more than 262144 bytes"):
        _bounded(parts())
    assert len(taken) == 257


def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100, 4))
    monkeypatch.setattr("haechi.hr.sources.jwks.time.monotonic", lambda: next(clock))
    with pytest.raises(ValueError, match="more than 15 seconds"):
        _bounded(iter([b"x"] * 100))


def never(url: str) -> bytes:
    raise AssertionError(url)
