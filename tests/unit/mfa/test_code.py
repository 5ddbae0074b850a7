"""One-time codes are those of the standard, and the file says what PAM must hold to."""

from __future__ import annotations

import base64

import pytest

from haechi.mfa import code

# RFC 6238, appendix B, SHA-1; of its eight digits the last six.
SEED = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("moment", "expected"), VECTORS)
def test_codes_of_the_standard(moment: int, expected: str) -> None:
    """Every app shows these."""
    assert code.at(SEED, moment) == expected


def test_a_code_typed_slowly_is_right_and_one_of_minutes_ago_is_not() -> None:
    """At enrolment alone: on a host a code counts for its own step."""
    now = 1111111111.0

    assert code.is_right(SEED, f" {code.at(SEED, now - 30)}\n", now)
    assert not code.is_right(SEED, code.at(SEED, now - 90), now)
    assert not code.is_right(SEED, "", now)


@pytest.mark.parametrize("typed", ["\uff10\uff15\uff10\uff14\uff17\uff11", "ㅁㄴㅇ", "05047\udce1"])
def test_what_is_no_ascii_is_wrong(typed: str) -> None:
    """An input method that is still on costs a try and not the enrolment; nor does a byte that is no UTF-8."""
    assert not code.is_right(SEED, typed, 1111111111.0)


def test_what_pam_is_told() -> None:
    """Once, for thirty seconds, five tries; no scratch code."""
    assert code.file_text("SEED") == 'SEED\n" RATE_LIMIT 5 30\n" WINDOW_SIZE 1\n" DISALLOW_REUSE\n" TOTP_AUTH\n'


def test_seeds_differ_and_have_the_length_of_the_hash() -> None:
    """RFC 4226, 4: 160 bits are recommended."""
    seeds = {code.new_seed() for _ in range(20)}

    assert len(seeds) == 20
    assert {len(base64.b32decode(seed)) for seed in seeds} == {20}


def test_what_the_picture_says() -> None:
    """A site's name with a blank is no way out of the address."""
    expected = "otpauth://totp/my%20site:ann?secret=ABC&issuer=my%20site"

    assert code.uri("my site", "ann", "ABC") == expected
