"""What inspection costs a client: how many requests in a row it gets answered, and how long each takes."""

from __future__ import annotations

import json
import subprocess

import pytest
from namespaces import inside
from siege import Figure, record

from .conftest import BESIDE, CLOSED, DATA, UNSEEN

TIMES = 300
# One connection: a client that opens one for each request measures handshakes.
RUN = """
import http.client, json, sys, time
line = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=10)
took, begun = [], time.monotonic()
for _ in range(int(sys.argv[3])):
    asked = time.monotonic()
    line.request("GET", "/search?name=hong")
    heard = line.getresponse()
    heard.read()
    assert heard.status == 200
    took.append(time.monotonic() - asked)
print(json.dumps({"all": time.monotonic() - begun, "took": sorted(took)}))
"""


@pytest.mark.parametrize(("way", "port"), [("no IPS", UNSEEN), ("detect", BESIDE), ("inline", CLOSED)])
def test_what_is_inspected_is_answered_each_time(way: str, port: int) -> None:
    argv = [*inside("client"), "python3", "-c", RUN, DATA, str(port), str(TIMES)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert len(seen["took"]) == TIMES
    record(Figure(f"one client through the gateway, {way}: requests", round(TIMES / seen["all"], 1), "/s"))
    for share in (50, 99):
        took = seen["took"][len(seen["took"]) * share // 100]
        record(Figure(f"one client through the gateway, {way}: p{share}", round(took * 1000, 2), "ms"))
