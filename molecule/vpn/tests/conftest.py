"""People outside with their profiles and codes, and real OpenVPN clients that they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from namespaces import inside
from terminal import enrolled
from testinfra.host import Host

from haechi.mfa import code

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
BIN = Path(sys.executable).parent
SEEDS, SETTINGS = "/var/lib/haechi/vpn-mfa", "/etc/haechi/vpn/people.json"
UP, REFUSED = "Initialization Sequence Completed", "AUTH_FAILED"
PEOPLE = ("ann", "bob", "carol")
NUMBERS = count()
Done = subprocess.CompletedProcess[str]
# A packet that leaves by one interface and no other, whatever routes there are: the greeting of an sshd is the answer.
GREETING = """
import socket, sys
s = socket.socket()
s.settimeout(2)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
try:
    s.connect((sys.argv[2], 22))
    print(s.recv(4).decode())
except OSError:
    print("none")
"""


def haechi(*arguments: str, **env: str) -> Done:
    """Run the command without a terminal."""
    return run(str(BIN / "haechi"), *arguments, **env)


def run(*argv: str, text: str | None = None, **env: str) -> Done:
    """Run a program to its end."""
    return subprocess.run(
        argv,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **env},
        **({} if text is not None else {"stdin": subprocess.DEVNULL}),
    )


@dataclass
class Client:
    """One OpenVPN client outside. ``device`` is its interface; its number lies in a file of that name."""

    device: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def until(self, *words: str, seconds: float = 25) -> str:
        """Return which of some words the client says first, "" where none comes in time or it ends."""
        end = time.monotonic() + seconds
        os.set_blocking(self.process.stdout.fileno(), False)
        while time.monotonic() < end:
            line = self.process.stdout.readline()
            if line:
                self.said.append(line)
                found = next((word for word in words if word in line), "")
                if found:
                    return found
            elif self.process.poll() is not None:
                return ""
            else:
                time.sleep(0.05)
        return ""

    def greets(self, address: str) -> bool:
        """Return whether an sshd answers through this tunnel."""
        argv = [*inside("client"), "python3", "-c", GREETING, self.device, address]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20).stdout == "SSH-\n"

    def routes(self) -> set[str]:
        """Return where the tunnel leads."""
        argv = [*inside("client"), "ip", "-json", "route", "show", "dev", self.device]
        return {row["dst"] for row in json.loads(subprocess.run(argv, capture_output=True, check=True).stdout or "[]")}

    def end(self, signal: str = "TERM") -> None:
        """End it as a person would. nsenter(1) is only its parent."""
        command = f"kill -{signal} $(cat /run/{self.device}.pid)"
        subprocess.run([*inside("client"), "sh", "-c", command], check=False, capture_output=True)
        self.process.wait(20)


@dataclass
class Outside:
    """Where people sit: their profiles and seeds, and the clients that run."""

    gateway: Host
    profiles: dict[str, str]
    seeds: dict[str, str]
    clients: list[Client] = field(default_factory=list)

    def code(self, person: str, lasts: float = 4) -> str:
        """Return a code that counts, as if none had been tried before, and does so for some seconds more."""
        # Past sudo, which writes down the commands that it runs.
        argv = [*inside("gw"), "sh", "-c", f"umask 077; rm -f {SEEDS}/{person}; cat > {SEEDS}/{person}"]
        subprocess.run(argv, input=code.file_text(self.seeds[person]), text=True, check=True, timeout=20)
        left = code.STEP - time.time() % code.STEP
        if left < lasts:
            time.sleep(left + 0.2)
        return code.at(self.seeds[person], time.time())

    def start(
        self, person: str, *options: str, answer: str | None = None, name: str = "", text: str = "", by: str = "udp"
    ) -> Client:
        """Start a client; ``answer`` is the code, ``name`` the user, ``text`` the profile where it is another."""
        number = next(NUMBERS)
        lines = (text or self.profiles[person]).splitlines()
        profile = "".join(f"{line}\n" for line in lines if not line.startswith("remote ") or by in line)
        files = {f"/run/{number}.ovpn": profile}
        files[f"/run/{number}.up"] = f"{name or person}\n{self.code(person) if answer is None else answer}\n"
        for path, content in files.items():
            argv = [*inside("client"), "sh", "-c", f"umask 077; cat > {path}"]
            subprocess.run(argv, input=content, text=True, check=True, timeout=20)
        device = f"tun{number}"
        argv = ["openvpn", "--config", f"/run/{number}.ovpn", "--auth-user-pass", f"/run/{number}.up", "--dev", device]
        argv += [
            "--writepid",
            f"/run/{device}.pid",
            "--auth-retry",
            "none",
            "--route-metric",
            str(100 + number),
            "--connect-retry",
            "1",
            "2",
            *options,
        ]
        process = subprocess.Popen(
            [*inside("client"), *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.clients.append(Client(device, process))
        return self.clients[-1]

    def connected(self, person: str, *options: str) -> Client:
        """Return a client with a tunnel; on a busy machine a code may be over before it arrives, and is given anew."""
        since = self.moment()
        client = self.start(person, *options)
        if (said := client.until(UP, REFUSED)) == REFUSED:
            client = self.start(person, *options)
            said = client.until(UP, REFUSED)
        assert said == UP, "".join([*client.said, *self.logged(since)])
        return client

    def refused(self, client: Client) -> bool:
        """Return whether a client is told no."""
        return client.until(UP, REFUSED) == REFUSED

    def hung_up_on(self, person: str, text: str = "") -> bool:
        """Return whether the gateway ends the handshake of a certificate; the client would try for ever."""
        client = self.start(person, text=text, by="tcp")
        said = client.until(UP, "Connection reset", seconds=15)
        client.end("KILL")
        return said == "Connection reset"

    def moment(self) -> str:
        """Return the gateway's time, for ``logged``."""
        return self.gateway.check_output("date +'%F %T'")

    def logged(self, since: str) -> list[str]:
        """Return the lines of the VPN's own log since a moment."""
        told = self.gateway.check_output(f"journalctl --sync; journalctl -o cat -t haechi-vpn --since '{since}'")
        return told.splitlines()

    def told(self, since: str, *words: str) -> bool:
        """Return whether one line of the log has all of some words."""
        return any(all(word in line for word in words) for line in self.logged(since))

    def until_told(self, since: str, *words: str) -> None:
        """Wait until the log has such a line; a client that ended is noticed within a second."""
        until = time.monotonic() + 15
        while not self.told(since, *words):
            assert time.monotonic() < until, self.logged(since)
            time.sleep(0.3)

    def tunnels(self) -> list[str]:
        """Return whose tunnels the gateway says there are."""
        script = (
            "import sys; sys.path.insert(0, '/usr/lib/haechi/vpn.pyz');"
            "from ansible_collections.haechi.guard.plugins.module_utils.vpn import management as m;"
            "print(*sorted(row.person for row in m.everywhere()[0]))"
        )
        return self.gateway.check_output("python3 -c %s", script).split()


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory, over_ssh: Callable[[str], Host]) -> Outside:
    """Return people with their profiles, as the command delivers them."""
    folder, gateway = tmp_path_factory.mktemp("profiles"), over_ssh("gw")
    gateway.check_output(f"rm -f {SEEDS}/*; rm -f /etc/haechi/vpn/revoked/*")
    over_ssh("trixie").check_output("cd /etc/haechi/pki && rm -f issued-vpn.jsonl")
    made = Outside(gateway, {}, {})
    for person in PEOPLE:
        out = folder / f"{person}.ovpn"
        argv = ["vpn", "profile", "--person", person, "--out", str(out), "-i", str(INVENTORY)]
        exit_code, said, seed = enrolled([str(BIN / "haechi"), *argv], ROOT)
        assert exit_code == 0, said
        made.profiles[person], made.seeds[person] = out.read_text(), seed
    return made


@pytest.fixture
def outside(delivered: Outside) -> Iterator[Outside]:
    """Return the people of a test, whose clients end with it."""
    yield delivered
    for client in delivered.clients:
        client.end("KILL")
    until = time.monotonic() + 10
    while delivered.tunnels() and time.monotonic() < until:
        for person in delivered.tunnels():
            kill(delivered.gateway, person)
    delivered.clients.clear()


def kill(gateway: Host, person: str) -> None:
    """End a person's tunnels by OpenVPN's own socket."""
    for by in ("udp", "tcp"):
        script = (
            "import socket, time; s = socket.socket(socket.AF_UNIX); s.settimeout(3);"
            f"s.connect('/run/haechi-vpn/{by}.sock'); s.sendall(b'kill {person}\\n'); s.recv(999); time.sleep(.1)"
        )
        gateway.check_output("python3 -c %s", script)
