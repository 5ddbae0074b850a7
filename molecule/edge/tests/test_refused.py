"""A configuration that a program does not take: it is told, and what was there goes on serving."""

from __future__ import annotations

import json

import pytest

from haechi.desired import edge
from haechi.policy import load

from .conftest import ROOT, run_in

FILES = (
    "/etc/haproxy/haproxy.cfg",
    "/etc/nginx/nginx.conf",
    "/etc/haechi/edge/waf.conf",
    "/etc/keepalived/keepalived.conf",
)
BAD = {
    "haproxy": {"suites13": ["TLS_NOBODY_KNOWS"]},
    "nginx": {"exclusions": [{"id": "x", "number": 1, "hosts": "(", "path": "/", "action": "nothing", "ends": 1}]},
    "keepalived": {"virtual_router": 999},
}  # fmt: skip


@pytest.mark.parametrize("program", BAD)
def test_the_program_refuses_it_and_nothing_has_changed(outside, playbook, holder, tmp_path, program):
    """Policy could not say any of these; a program of another version might refuse what it can."""
    name = holder()
    policy = load(ROOT / "molecule/inventory").policy
    assert policy is not None
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"edge_desired": edge.build(policy, name) | BAD[program]}))
    before = run_in(name, "sha256sum", *FILES).stdout
    pids = run_in(name, "pidof", "nginx", "haproxy").stdout

    code, words = playbook("--tags", "edge", "--limit", name, "-e", f"@{wrong}")

    assert code != 0
    assert f"{program} refuses it, and what was there goes on" in words
    assert run_in(name, "sha256sum", *FILES).stdout == before
    assert run_in(name, "pidof", "nginx", "haproxy").stdout == pids
    assert outside.ask("/verify")["status"] == 200
