"""A drill from two holders' shares to the evidence: every login and alarm is seen, or it says what lacks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from testinfra.host import Host

from haechi import audit, auditrun, runs, tombstones
from haechi.controls.model import Verdict
from haechi.mfa import code
from haechi.policy import load, state_dir
from haechi.seal import shares, store

ROOT = Path(__file__).resolve().parents[3]
INVENTORY = ROOT / "molecule/inventory"
HOOK, ALARM, SEED = (
    "/usr/libexec/haechi/break-glass-used",
    "/var/lib/haechi/alarms/break-glass.json",
    "/var/lib/haechi/mfa/seal",
)
WITH_CODES, WITHOUT = "trixie", "bookworm"
# A code must last while a playbook starts on a busy machine.
LASTS_S = 15


@pytest.fixture
def machines(host: Host, over_ssh: Callable[[str], Host]) -> Iterator[dict[str, Host]]:
    """Return both machines, as a drill is for all at once; the account has codes on one of them."""
    if host.backend.get_pytest_id() != f"ssh://{WITH_CODES}":
        pytest.skip("a drill is for all hosts at once")
    both = {name: over_ssh(name) for name in (WITH_CODES, WITHOUT)}
    for one in both.values():
        one.run(f"rm -f {ALARM}; faillock --user seal --reset")
    yield both
    for one in both.values():
        one.run(f"rm -f {SEED} {ALARM}; chmod 755 {HOOK}; faillock --user seal --reset")


def drill(*more: str) -> tuple[int, str]:
    """Hold a drill."""
    argv = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "-i",
        str(INVENTORY),
        "playbooks/incident_drill.yml",
    ]
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(
        [*argv, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


def judged() -> Verdict:
    """Return what an audit says of the drills on record."""
    policy = load(INVENTORY).policy
    assert policy is not None
    state = state_dir(policy)
    run = runs.read(runs.begin(policy, tombstones.revoked(state), state))
    answers = dict.fromkeys(policy.hosts, auditrun.NO_ANSWER)
    rows = audit.judge(run, answers, auditrun.registers(run))
    return next(row.verdict for row in rows if row.control == "break-glass-drilled")


def test_a_drill_sees_login_and_alarm_on_every_host_or_says_what_lacks(
    machines: dict[str, Host], keys: Path, tmp_path: Path
) -> None:
    """One story: asked for without shares, with an alarm that is dead, and as it should be."""
    policy = load(INVENTORY).policy
    assert policy is not None
    seal = store.read(state_dir(policy))
    assert seal is not None
    words = {who: shares.unseal(seal.shares[who], (keys / who).read_bytes()) for who in ("bob", "carol")}
    password = shares.password(store.recover(seal, list(words.values())))
    files = {name: tmp_path / name for name in (*words, "code")}
    for name, path in files.items():
        path.write_text(words.get(name, ""))
        path.chmod(0o600)
    seed = code.new_seed()
    machines[WITH_CODES].run(f"umask 077; mkdir -p {Path(SEED).parent}; printf %s '{code.file_text(seed)}' > {SEED}")
    given = ("-e", f"shares={files['bob']},{files['carol']}", "-e", f"code={files['code']}", "-e", "reason=a test")

    ended, said = drill("--check")
    assert (ended, "any 2 of ann, bob, carol bring it back" in said) == (0, True), said
    assert "nobody is there to type shares: name files of them" in drill()[1]

    machines[WITHOUT].run(f"chmod 644 {HOOK}")
    files["code"].write_text("000000")
    ended, said = drill(*given)
    assert ended != 0
    assert f"{WITH_CODES}: the console refused (code): " in said, said
    assert f"{WITHOUT}: logged in, and no alarm was raised: run playbooks/site.yml" in said, said
    assert (judged().status, "and failed: " in judged().seen) == ("fail", True)

    machines[WITHOUT].run(f"chmod 755 {HOOK}")
    # The playbook starts first, and the console asks for the code of then.
    left = code.STEP - time.time() % code.STEP
    if left < LASTS_S:
        time.sleep(left)
    files["code"].write_text(code.at(seed, time.time()))
    ended, said = drill(*given)
    assert ended == 0, said
    assert f"{WITH_CODES}: logged in with password and code; the alarm was raised at once" in said
    assert f"{WITHOUT}: logged in with password; the alarm was raised at once" in said
    assert "haechi break-glass split" in said
    assert (judged().status, "bob and carol opened seal on " in judged().seen) == ("pass", True), judged().seen
    for one in machines.values():
        assert one.run(f"test -e {ALARM}").rc == 1
        log = one.run("journalctl --sync && journalctl --since '-2 min'").stdout
        assert "break-glass: seal: login opened a session of seal on " in log
        assert password not in log
    kept = b"".join(path.read_bytes() for path in state_dir(policy).rglob("*") if path.is_file())
    assert not any(secret.encode() in kept for secret in (password, *words.values()))
