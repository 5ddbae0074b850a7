"""A certificate is renewed while somebody uploads: nothing is cut, and whoever comes next sees the new one."""

from __future__ import annotations

import json
import time

from .conftest import run_in


def test_a_new_certificate_ends_no_connection(outside, holder, playbook):
    name = holder()
    upload = outside.begins("long_upload", path="/idcard", most=900_000, source="10.78.0.14")
    before = outside.ask("/verify")["tls"][2]
    load = outside.begins("load", path="/verify", seconds=120, source="10.78.0.15", timeout=10)
    run_in(name, "rm", "/etc/haechi/x509/edge.pem")

    code, words = playbook("--tags", "recorder", "--limit", name)

    assert code == 0, words[-2000:]
    assert upload.poll() is None, "the upload had ended before, so it shows nothing"
    renewed = time.time()
    after = outside.ask("/verify")["tls"][2]
    told = json.loads(upload.communicate("enough\n", timeout=60)[0])
    answers = json.loads(load.communicate("enough\n", timeout=60)[0])
    assert (told["status"], json.loads(told["body"])["body"]["bytes"]) == (200, told["sent"])
    assert told["serial"] == before
    assert after != before
    assert {status for _, status in answers} == {200}
    assert answers[-1][0] > renewed
