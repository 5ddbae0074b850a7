"""A machine that hears who left from a server of the test's, which sends what the test wants it to send."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from namespaces import inside
from testinfra.host import Host

from haechi import signing, tombstones
from haechi.pki import listing
from haechi.policy import load, state_dir

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
LIST, CONFIG, REFUSED = "/var/lib/haechi/list", "/etc/haechi/list.json", "/run/haechi/refused"
ALARMS = "/var/lib/haechi/alarms"
SERVED, PORT = "/root/served", 4799
# All that a list can change on a machine. A test puts it back by itself, the last one by a run of the role.
BEFORE = "/root/before.tar"
KEPT = "etc/passwd etc/shadow etc/group etc/gshadow etc/ssh etc/sudoers.d etc/haechi var/lib/haechi/list"
# What the server of a test is: no byte more than the file, and nobody there without one.
SERVER = f"""[Unit]
Description=A list server of a test
ConditionPathExists={SERVED}
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/python3 -c "import socket; s = socket.create_server(('127.0.0.1', {PORT}))\\nwhile True: \\
 c = s.accept()[0]; c.sendall(open('{SERVED}', 'rb').read()); c.close()"
[Install]
WantedBy=multi-user.target
"""
POLICY = load(INVENTORY).policy
assert POLICY is not None
STATE = state_dir(POLICY)
Done = subprocess.CompletedProcess[str]


def stamp(moment: datetime) -> str:
    """Return a moment as the list has it."""
    return moment.isoformat(timespec="seconds")


@dataclass
class Machine:
    """One machine, reached without its network, and the lists that its server sends."""

    name: str
    keys: Path
    number: int = field(default_factory=lambda: int(time.time()) + 1000)

    def podman(self, *argv: str) -> Done:
        """Run podman to its end."""
        return _run(["podman", *argv])

    def sh(self, script: str, stdin: str | None = None) -> str:
        """Run a script on the machine as root; it must succeed."""
        done = _run([*inside(self.name), "sh", "-c", script], stdin)
        assert done.returncode == 0, f"{script}: {done.stderr}"
        return done.stdout

    def login(self, who: str) -> Done:
        """Log in over a new connection with nothing but somebody's own key, and ask who one is."""
        assert POLICY is not None
        known = ("-o", f"UserKnownHostsFile={STATE / 'known_hosts'}", "-o", f"HostKeyAlias={self.name}")
        fresh = [f"-o{word}" for word in ("BatchMode=yes", "IdentitiesOnly=yes", "ConnectTimeout=20")]
        argv = ["ssh", "-F", "none", *known, *fresh, "-i", str(self.keys / who), "-l", who]
        argv += [str(POLICY.hosts[self.name].address), "id", "-un"]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180, stdin=subprocess.DEVNULL)

    def gets_in(self, who: str) -> bool:
        """Return whether somebody logs in; anything but a login or sshd's own refusal fails the test."""
        done = self.login(who)
        words = done.stderr
        assert done.returncode == 0 or "Permission denied" in words or "Connection closed by" in words, words
        return (done.returncode, done.stdout) == (0, f"{who}\n")

    def signed(self, *gone: str, key: Path | None = None, namespace: str = listing.NAMESPACE, **more: Any) -> bytes:
        """Return a list under the next number, by which these people left."""
        self.number += 1
        assert POLICY is not None
        now = datetime.now(UTC)
        times = {"issued": stamp(now), "expires": stamp(now + timedelta(days=7))}
        says = {
            "site": POLICY.site.name,
            "user_ca": (STATE / "pki/ssh_user_ca.pub").read_text().strip(),
            "revoked": "".join(["# Haechi: who is revoked, list 1\n", *(f"id: {who}\n" for who in gone)]),
            "people": {who: [] for who in gone},
        }
        body = {"schema": 1, "sequence": self.number, **times, **says, **more}
        signature = signing.sign(key or STATE / tombstones.KEY, namespace, signing.canonical(body))
        return json.dumps({**body, "signature": signature}).encode()

    def serve(self, data: bytes | None) -> None:
        """Have the server send this from now on; None is a server that is not there."""
        if data is None:
            self.sh(f"systemctl stop test-served; rm -f {SERVED}")
            return
        answers = f"until ss -Hltn 'sport = :{PORT}' | grep -q .; do sleep 0.05; done"
        self.sh(f"cat > {SERVED}; systemctl restart test-served; {answers}", stdin=data.decode("latin-1"))

    def fetch(self) -> int:
        """Have the machine fetch as its timer does; return what its program ended with."""
        run = "systemctl reset-failed haechi-list.service; systemctl start haechi-list.service || true"
        return int(self.sh(f"{run}; systemctl show --property ExecMainStatus --value haechi-list.service"))

    def held(self) -> int:
        """Return the number of the list that the machine holds."""
        return int(json.loads(self.sh(f"cat {LIST}/list.json"))["sequence"])

    def alarms(self) -> dict[str, str]:
        """Return the alarms that stand, by name."""
        rows = self.sh(f"mkdir -p {ALARMS}; cat {ALARMS}/list*.json 2>/dev/null || true").splitlines()
        return {row["name"]: row["what"] for row in map(json.loads, rows)}

    def configure(self, **more: object) -> None:
        """Change what the machine's program is told."""
        told = json.loads(self.sh(f"cat {CONFIG}")) | {"address": "127.0.0.1", "port": PORT, **more}
        self.sh(f"cat > {CONFIG}", stdin=json.dumps(told))

    def confirmed(self, ago: timedelta) -> None:
        """Let the last confirmation lie back."""
        row = json.loads(self.sh(f"cat {LIST}/seen.json")) | {"confirmed": stamp(datetime.now(UTC) - ago)}
        self.sh(f"cat > {LIST}/seen.json", stdin=json.dumps(row))

    def forget(self) -> None:
        """Take away every list that a test signed: the site's own has a lower number."""
        self.sh(f"rm -rf {LIST} {ALARMS}; rm -f {REFUSED}")

    def prepare(self) -> None:
        """Keep what a list can change, and give the machine a server of its own."""
        self.quiet()
        self.sh(f"tar -C / -cf {BEFORE} {KEPT}")
        self.sh("cat > /etc/systemd/system/test-served.service; systemctl daemon-reload", stdin=SERVER)
        self.configure()

    def quiet(self) -> None:
        """Let no fetch begin or go on: a boot begins one, which would deny somebody after all was put back."""
        self.sh("systemctl stop haechi-list.timer haechi-list.service")

    def restore(self) -> None:
        """Take the server and all that it sent away again."""
        self.quiet()
        self.serve(None)
        self.sh("systemctl disable -q test-served; rm -f /etc/systemd/system/test-served.service")
        self.forget()
        self.sh(f"tar -C / -xpf {BEFORE}; rm {BEFORE}; systemctl daemon-reload; systemctl start haechi-list.timer")


def _run(argv: list[str], stdin: str | None = None) -> Done:
    told: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, **told)


def converge(*names: str) -> None:
    """Give machines back as policy wants them."""
    argv = ["ansible-playbook", "-i", str(INVENTORY), str(ROOT / "molecule/list/converge.yml")]
    argv += ["--limit", ",".join(names), "--tags", "accounts"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="session", autouse=True)
def nobody_else_hears() -> None:
    """Let no other machine fetch what these have meanwhile: it would refuse the site's own, which has a lower number.

    The role starts what is stopped here, where a later scenario has it.
    """
    for name in ("gw", "data1"):
        _run([*inside(name), "systemctl", "stop", "haechi-list.timer", "haechi-list.service"])


@pytest.fixture
def machine(host: Host, keys: Path, alone: Callable[[str], AbstractContextManager[None]]) -> Iterator[Machine]:
    """Return the machine of a test, with a server of its own; then it is as it was."""
    made = Machine(host.backend.get_pytest_id().removeprefix("ssh://"), keys)
    with alone(made.name):
        made.prepare()
        yield made
        made.restore()
