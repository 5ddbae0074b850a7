"""What is too much or too slow is refused, and whoever does neither goes on."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from namespaces import inside
from siege import Row, record

from .conftest import EDGE

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

    record(Row("request flood", "429" in seen, "access log"))
    assert set(seen) == {"421", "429"}
    assert 300 <= seen["421"] < 900
    assert outside.ask("/verify", source="10.78.0.17")["status"] == 429
    assert outside.ask("/verify", source=OTHER)["status"] == 200


def test_too_many_connections_of_a_source_are_refused_and_another_s_are_not(outside):
    """12 at once are policy's limit here."""
    seen = outside.does("hold", times=40, source="10.78.0.18", other=OTHER, path="/verify")

    record(Row("held TLS connections", seen["taken"] == 12, "counters of HAProxy"))
    assert (seen["taken"], seen["other"]) == (12, 200)
    assert outside.ask("/verify", source="10.78.0.18")["status"] == 200


@pytest.mark.parametrize("first", [f"{HEAD}X-Slow: ", f"{HEAD}{BODY}"], ids=["head", "body"])
def test_a_request_that_drips_is_cut_off(outside, first):
    """2 s are policy's limit here; a byte each half second would hold a connection for days."""
    seen = outside.does("slow", first=first, patience=20, source="10.78.0.12")

    assert seen["seconds"] < 10
    assert seen["heard"].startswith(("HTTP/1.1 408", "HTTP/1.0 408"))


@pytest.mark.parametrize("kind", [("-H",), ("-B", "-s", "8192"), ("-X", "-r", "30", "-w", "10", "-y", "20")], ids="HBX")
def test_slowhttptest_takes_nothing_from_anybody_else(outside, tmp_path, kind):
    """Slow heads, slow bodies and slow readers, 60 connections for ten seconds; a customer comes all the while."""
    customer = outside.begins("load", path="/verify", seconds=60, source=OTHER, timeout=10)
    argv = [
        "nsenter",
        "--target",
        inside("client")[2],
        "--net",
        "slowhttptest",
        *kind,
        "-c",
        "60",
        "-i",
        "1",
        "-l",
        "10",
    ]
    told = tmp_path / "told"
    argv += ["-r", "30", "-u", f"https://{EDGE}/verify", "-g", "-o", str(told)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    output, _ = customer.communicate("enough\n", timeout=60)
    works = [status == 200 for _, status in json.loads(output)]
    # Its last line: seconds, closed, pending, connected, available.
    last = Path(f"{told}.csv").read_text().strip().splitlines()[-1].split(",")

    record(Row(f"slowhttptest {kind[0]}", int(last[1]) > 0, "access log", kept=100 * sum(works) / len(works)))
    assert done.returncode == 0, done.stdout[-1000:]
    assert len(works) > 20
    assert sum(works) / len(works) >= 0.99
