"""What is too much or too slow is refused, and whoever does neither goes on."""

from __future__ import annotations

import base64

import pytest

OTHER = "10.78.0.19"
HEAD = "POST /verify HTTP/1.1\r\nHost: ekyc.example.test\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n"
BODY = "Content-Type: image/jpeg\r\nContent-Length: 500000\r\n\r\n"
JPEG = {"Content-Type": "image/jpeg"}
CHUNKED = {"Transfer-Encoding": "chunked", "Content-Type": "image/jpeg"}


def chunked(size: int) -> str:
    return base64.b64encode(b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"\xff" * size)).decode()


def test_a_body_above_the_limit_is_refused(outside):
    """1 MiB is policy's limit here; what is just below passes."""
    sizes = (1_000_000, 1_100_000)
    rows = [
        {"method": "POST", "path": "/idcard", "body": base64.b64encode(b"\xff" * size).decode(), "headers": JPEG}
        for size in sizes
    ]

    assert [answer["status"] for answer in outside.asks(*rows, source="10.78.0.16")] == [200, 413]


def test_a_body_that_does_not_say_its_size_is_refused_too(outside):
    rows = [
        {"method": "POST", "path": "/idcard", "body": chunked(size), "headers": CHUNKED} for size in (500, 1_100_000)
    ]

    assert [answer["status"] for answer in outside.asks(*rows, source="10.78.0.16")] == [200, 413]


def test_too_many_requests_of_a_source_are_refused_and_another_s_are_not(outside):
    """300 in ten seconds are policy's limit here; a slow machine counts some of them out again meanwhile."""
    seen = outside.does("flood", times=900, source="10.78.0.17")

    assert set(seen) == {"421", "429"}
    assert 300 <= seen["421"] < 900
    assert outside.ask("/verify", source="10.78.0.17")["status"] == 429
    assert outside.ask("/verify", source=OTHER)["status"] == 200


def test_too_many_connections_of_a_source_are_refused_and_another_s_are_not(outside):
    """12 at once are policy's limit here."""
    seen = outside.does("hold", times=40, source="10.78.0.18", other=OTHER, path="/verify")

    assert (seen["taken"], seen["other"]) == (12, 200)
    assert outside.ask("/verify", source="10.78.0.18")["status"] == 200


@pytest.mark.parametrize("first", [f"{HEAD}X-Slow: ", f"{HEAD}{BODY}"], ids=["head", "body"])
def test_a_request_that_drips_is_cut_off(outside, first):
    """2 s are policy's limit here; a byte each half second would hold a connection for days."""
    seen = outside.does("slow", first=first, patience=20, source="10.78.0.12")

    assert seen["seconds"] < 10
    assert seen["heard"].startswith(("HTTP/1.1 408", "HTTP/1.0 408"))
