"""Each promise of the edge, judged by what the hosts show: kept, broken by hand, and made true again by the role."""

from __future__ import annotations

import json
import secrets
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from namespaces import inside

from haechi import errand
from haechi.controls import edge
from haechi.controls.model import Case, SiteCase
from haechi.desired import edge as desired
from haechi.observe.posture import Posture, open_posture
from haechi.policy import load
from haechi.policy.models import Policy

from .conftest import ROOT, run_in

PAIR = ("trixie", "bookworm")
CONTROLS = {control.id: control for control in edge.CONTROLS}
# Those that share no state are broken at once.
BATCHES = (
    ("edge-tls", "edge-waf-blocks", "edge-limits", "edge-logs-clean", "edge-serves"),
    ("edge-certificate", "edge-one-holder"),
)
CODE = errand.pack(ROOT / "plugins/module_utils", "posture.collect")
# The collectors of an audit; what else they look at is other scenarios' business.
LOOK = f"""
import json, os, sys
sys.path.insert(0, "/proc/self/fd/0")
from {errand.PACKAGE}.posture import collect
from {errand.PACKAGE}.posture.ask import Question
collect.COLLECTORS = {{name: collect.COLLECTORS[name] for name in ("edge", "units", "x509")}}
subject, nonce, edge = sys.argv[1:]
print(json.dumps(collect.observation(Question(edge=json.loads(edge)), subject, nonce)))
"""


def site() -> Policy:
    """Return the policy, of whose managed hosts the two are all."""
    policy = load(ROOT / "molecule/inventory").policy
    assert policy is not None
    hosts = {name: host.model_copy(update={"managed": name in PAIR}) for name, host in policy.hosts.items()}
    return policy.model_copy(update={"hosts": hosts})


def look(policy: Policy, name: str) -> Posture:
    """Have a host look at itself by the code of an audit."""
    nonce, asked = secrets.token_hex(16), json.dumps(desired.asked(desired.build(policy, name)))
    argv = [*inside(name), "python3", "-I", "-S", "-c", LOOK, name, nonce, asked]
    with tempfile.TemporaryFile() as code:
        with zipfile.ZipFile(code, "w") as made:
            for module, source in errand.sources(CODE).items():
                made.writestr(module.replace(".", "/") + ("/__init__.py" if source is None else ".py"), source or "")
        code.seek(0)
        done = subprocess.run(argv, stdin=code, capture_output=True, text=True, check=True, timeout=120)
    return open_posture(json.loads(done.stdout), host=name, nonce=nonce, host_key=None)


@pytest.fixture
def judged() -> Callable[[], dict[tuple[str, str], Any]]:
    """Judge both hosts and the pair; return the verdicts by subject and control."""

    def judge() -> dict[tuple[str, str], Any]:
        policy, at = site(), datetime.now(UTC)
        with ThreadPoolExecutor(len(PAIR)) as pool:
            seen = dict(zip(PAIR, pool.map(lambda name: look(policy, name), PAIR), strict=True))
        told = {}
        for control in edge.CONTROLS:
            for name in PAIR if control.judge else ():
                case = Case(host=name, policy=policy, desired={}, posture=seen[name], at=at)
                told[name, control.id] = control.judge(case)
            if control.site_judge:
                told["site", control.id] = control.site_judge(SiteCase(policy=policy, postures=seen, at=at))
        return told

    return judge


def broken(told: dict[tuple[str, str], Any]) -> dict[tuple[str, str], str]:
    return {place: verdict.seen for place, verdict in told.items() if verdict.status != "pass"}


@pytest.mark.parametrize("batch", BATCHES, ids=" ".join)
def test_a_promise_that_is_broken_is_judged_so_and_the_role_mends_it(judged, playbook, holder, batch):
    """On the host that waits: a fault there would be met at the next fail-over."""
    assert broken(judged()) == {}
    name = next(one for one in PAIR if one != holder())
    where = {control: name if CONTROLS[control].judge else "site" for control in CONTROLS}
    for control in batch:
        run_in(name, "sh", "-c", CONTROLS[control].breaker.script)

    seen = set(broken(judged()))

    code, words = playbook("--tags", "edge", "--limit", name)
    meant = {(where[control], control) for control in batch}
    excused = {(where[other], other) for control in batch for other in CONTROLS[control].breaker.also}
    assert (code, words[-2000:] if code else "") == (0, "")
    assert meant <= seen
    assert seen <= meant | excused
    assert broken(judged()) == {}


def test_a_check_that_keepalived_may_not_run_is_seen_and_mended(judged, playbook, holder):
    """It leaves the check out then, says so in its log alone, and a dead edge keeps the address."""
    name = next(one for one in PAIR if one != holder())
    run_in(name, "sh", "-c", "chmod 0750 /usr/libexec/haechi; systemctl restart keepalived; sleep 4")

    seen = broken(judged())

    code, words = playbook("--tags", "edge", "--limit", name)
    assert (code, words[-2000:] if code else "") == (0, "")
    assert [*seen] == [(name, "edge-serves")]
    assert "keepalived does not ask" in seen[name, "edge-serves"]
    assert broken(judged()) == {}
