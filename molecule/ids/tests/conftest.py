"""A client outside, the gateway that inspects it, and the role as an operator runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from namespaces import inside

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
RULES = ROOT / ".lab/molecule/ids/emerging.rules"
BIN = Path(sys.executable).parent
DATA = "10.78.30.11"
OPEN, CLOSED, BESIDE, UNDECLARED, UNSEEN = 8091, 8092, 8093, 8094, 8095
INSTANCES = ("open", "closed", "detect")
ATTACK = "/search?name=x%27%20union%20select%20name%20from%20people--"
PATIENCE = 90.0
ASK = """
import http.client, sys
line = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=float(sys.argv[4]))
try:
    line.request("GET", sys.argv[3])
    heard = line.getresponse()
    heard.read()
    print(heard.status)
except (OSError, http.client.HTTPException):
    print(0)
"""


def asked(port: int, path: str = "/", *, machine: str = "client", seconds: float = 3) -> int:
    """Return the status that a machine is answered by the service, 0 where it is not."""
    argv = [*inside(machine), "python3", "-c", ASK, DATA, str(port), path, str(seconds)]
    return int(subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout)


def until(true: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.3)


class Gateway:
    """The machine that inspects."""

    def does(self, command: str) -> str:
        """Run a command as root, without any network."""
        argv = [*inside("gw"), "sh", "-c", command]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout

    def events(self, name: str) -> list[dict]:
        """Return the alerts in the log of an instance."""
        lines = self.does(f"cat /var/log/haechi-ids/{name}.json").splitlines()
        return [row for row in map(json.loads, lines) if row["event_type"] == "alert"]

    def alerts(self, name: str, sid: int) -> list[str]:
        """Return what was done each time that a rule matched."""
        return [row["alert"]["action"] for row in self.events(name) if row["alert"]["signature_id"] == sid]

    def alarms(self) -> dict[str, str]:
        """Return the alarms about the inspection that stand."""
        text = self.does("cat /var/lib/haechi/alarms/ids-*.json 2>/dev/null || true")
        rows = [json.loads(line) for line in text.splitlines()]
        return {row["name"]: row["what"] for row in rows}

    def pid(self, name: str) -> int:
        """Return the process of an instance."""
        return int(self.does(f"systemctl show -P MainPID haechi-ids-{name}"))

    def ready(self) -> bool:
        """Return whether each instance reads its queue and answers, and nothing is alarming."""
        kernel = self.does("cat /proc/net/netfilter/nfnetlink_queue /proc/net/netfilter/nfnetlink_log")
        read = {line.split()[0] for line in kernel.splitlines()}
        return {"40", "41", "42"} <= read and not self.alarms()


@pytest.fixture(scope="session")
def gateway() -> Gateway:
    """Return the gateway as the role left it, its first canary behind it."""
    made = Gateway()
    made.does("systemctl start haechi-ids-canary.service")
    until(made.ready, "the gateway does not inspect")
    return made


@pytest.fixture(autouse=True)
def whole(gateway: Gateway) -> Iterator[None]:
    """Give each test a gateway that inspects, and leave one."""
    yield
    services = " ".join(f"haechi-ids-{name}.service" for name in INSTANCES)
    gateway.does("pkill -CONT -x Suricata-Main || true")
    gateway.does(f"systemctl start {services} haechi-ids-watch.service haechi-ids-canary.timer")
    until(gateway.ready, "the gateway does not inspect any more")


@pytest.fixture
def converged() -> Callable[..., tuple[int, str]]:
    """Run the role; return the exit code and what was said."""

    def run(*arguments: str) -> tuple[int, str]:
        argv = [str(BIN / "ansible-playbook"), "-i", str(INVENTORY), str(ROOT / "molecule/ids/converge.yml")]
        env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        done = subprocess.run(
            [*argv, *arguments], capture_output=True, text=True, check=False, timeout=300, cwd=ROOT, env=env
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def update() -> Iterator[Callable[[str], None]]:
    """Let the mirror bring other rules; afterwards it has its own again."""
    kept = RULES.read_text()
    yield lambda more: RULES.write_text(kept + more) and None
    RULES.write_text(kept)
