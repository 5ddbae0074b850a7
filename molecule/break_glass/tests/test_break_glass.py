"""Two holders open the sealed account at a console; its use is an alarm at once, and it opens nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from testinfra.host import Host

from haechi.policy import load, state_dir
from haechi.seal import shares, store

INVENTORY = Path(__file__).resolve().parents[2] / "inventory"
ALARM = "/var/lib/haechi/alarms/break-glass.json"
# login(1) on a terminal of its own, typed as a person does; what the screen showed comes back.
LOGIN = """
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv("/bin/login", ["login", "seal"])
screen = b""
def until(text, seconds=30):
    global screen
    end = time.monotonic() + seconds
    while text not in screen and b"incorrect" not in screen and time.monotonic() < end:
        try:
            screen += os.read(terminal, 4096)
        except OSError:
            time.sleep(0.1)  # login hangs its terminal up, and opens it again
until(b"assword:")
os.write(terminal, sys.stdin.readline().encode())
until(b"$ ")
if b"incorrect" in screen:
    sys.exit()
os.write(terminal, b"id -un; sudo -k -S id -u; echo don''e\\n")
until(b"assword")
os.write(terminal, sys.stdin.readline().encode())
until(b"done\\r\\n")
os.write(terminal, b"exit\\n")
print(screen.decode(errors="replace"))
"""


@pytest.fixture
def password(keys: Path) -> str:
    """Return what two of the holders recover, each with their own key."""
    policy = load(INVENTORY).policy
    assert policy is not None
    seal = store.read(state_dir(policy))
    assert seal is not None
    words = [shares.unseal(seal.shares[who], (keys / who).read_bytes()) for who in ("bob", "carol")]
    return shares.password(store.recover(seal, words))


def console(host: Host, secret: str) -> str:
    """Log in at a terminal of the machine with a password, and ask sudo with it."""
    name = f"haechi-molecule-{host.backend.get_pytest_id().removeprefix('ssh://')}"
    command = ["podman", "exec", "-i", name, "python3", "-c", LOGIN]
    done = subprocess.run(
        command, input=f"{secret}\n{secret}\n", capture_output=True, text=True, check=False, timeout=90
    )
    return done.stdout


def test_two_holders_log_in_and_the_alarm_goes_off(host: Host, password: str) -> None:
    """Root within the same login, and by the same password alone."""
    host.run(f"rm -f {ALARM}")

    seen = console(host, password).splitlines()

    assert "seal" in seen, seen
    assert "0" in seen, seen
    told = json.loads(host.run(f"cat {ALARM}").stdout)
    assert (told["schema"], told["name"]) == (1, "break-glass")
    assert told["what"].startswith("seal: ")
    log = host.run("journalctl --sync && journalctl -t haechi-alarm -o short --since '-2 min'").stdout
    assert "break-glass: seal: login opened a session of seal on " in log


def test_a_wrong_password_opens_nothing(host: Host) -> None:
    """And raises no alarm of a use."""
    host.run(f"rm -f {ALARM}; faillock --user seal --reset")

    assert "seal" not in console(host, "aaaaa-aaaaa-aaaaa-aaaaa-aaaaa-a").splitlines()
    assert host.run(f"test -e {ALARM}").rc == 1
    host.run("faillock --user seal --reset")


def test_it_opens_no_ssh(host: Host, keys: Path) -> None:
    """It has no key; those of its holders are not its own."""
    config = INVENTORY / ".ssh_config"
    name = host.backend.get_pytest_id().removeprefix("ssh://")
    for who in ("ann", "bob", "carol"):
        options = ["-o", "ControlPath=none", "-o", "BatchMode=yes", "-i", str(keys / who), "-l", "seal"]
        done = subprocess.run(["ssh", "-F", str(config), *options, name, "true"], capture_output=True, check=False)
        assert done.returncode == 255


def test_no_log_has_the_hash(host: Host) -> None:
    """It is no secret, and stands in shadow alone all the same."""
    row = host.run("getent shadow seal").stdout.split(":")[1]

    assert row.startswith("$6$")
    assert row not in host.run("journalctl --no-pager").stdout
