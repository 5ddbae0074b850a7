"""A certificate is renewed while somebody uploads: nothing is cut, and whoever comes next sees the new one."""

from __future__ import annotations

import json

from .conftest import run_in


def test_a_new_certificate_ends_no_connection(outside, holder, playbook):
    name = holder()
    upload = outside.begins("long_upload", path="/idcard", parts=80, pause=0.15, source="10.78.0.14")
    before = outside.ask("/verify")["tls"][2]
    run_in(name, "rm", "/etc/haechi/x509/edge.pem")

    code, words = playbook("--tags", "recorder", "--limit", name)

    assert code == 0, words[-2000:]
    assert upload.poll() is None, "the upload had ended before, so it shows nothing"
    after = outside.ask("/verify")["tls"][2]
    output, _ = upload.communicate(timeout=60)
    told = json.loads(output)
    assert (told["status"], json.loads(told["body"])["body"]["bytes"]) == (200, 80 * 4096)
    assert told["serial"] == before
    assert after != before
