"""Certificates issued by the command line, and logins that offer a certificate and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
BIN = Path(sys.executable).parent
Done = subprocess.CompletedProcess[str]


def run(*argv: object, **env: str) -> Done:
    """Run a program of the environment, or one with a path, to its end."""
    return subprocess.run(
        [str(BIN / str(argv[0])), *map(str, argv[1:])],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=180,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **env},
    )


def playbook(name: str, *more: str, **env: str) -> Done:
    """Run a playbook on the machines."""
    return run("ansible-playbook", "-i", INVENTORY, name, *more, **env)


def words(done: Done) -> str:
    """Return all that a program said, in one line."""
    return " ".join((done.stdout + done.stderr).split())


@contextmanager
def agent(folder: Path, key: Path, certificate: Path) -> Iterator[Path]:
    """Run an ssh-agent that holds a key and a certificate of it (ssh-add(1) takes the file beside the key)."""
    own = Path(tempfile.mkdtemp(dir=folder))
    shutil.copy(key, own / "key")
    shutil.copy(certificate, own / "key-cert.pub")
    # In the foreground, so that it ends with the login. A path of a test's folder may be longer than a socket's.
    with tempfile.TemporaryDirectory() as short:
        socket = Path(short, "agent")
        process = subprocess.Popen(["/usr/bin/ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 30
            while not socket.exists() and time.monotonic() < until:
                time.sleep(0.02)
            run("/usr/bin/ssh-add", "-q", own / "key", SSH_AUTH_SOCK=str(socket))
            yield socket
        finally:
            process.terminate()
            process.wait()


@dataclass(frozen=True)
class Desk:
    """Where a test asks for certificates and uses them; ``name`` is the machine it is about."""

    keys: Path
    folder: Path
    name: str = ""
    certificates: Mapping[str, Path] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """Return the folder where the control node pins what it trusts."""
        lines = (INVENTORY / ".ssh_config").read_text().splitlines()
        line = next(line for line in lines if "UserKnownHostsFile" in line)
        return Path(line.split(maxsplit=1)[1].strip('"')).parent

    def issue(self, person: str, *more: str, key: str = "", **env: str) -> tuple[Done, Path]:
        """Have a certificate issued for somebody's key, or another's; return where it was to be written too."""
        out = self.folder / f"{person}-cert.pub"
        asked = ("--key", self.keys / f"{key or person}.pub", "--out", out, "-i", INVENTORY)
        return run("haechi", "cert", "issue", person, *asked, *more, **env), out

    def login(self, account: str, certificate: Path, key: str, *options: str, machine: str = "") -> Done:
        """Log in with a certificate that an agent has the key of; the bare key is not offered."""
        with agent(self.folder, self.keys / key, certificate) as socket:
            who = ("-o", f"IdentityAgent={socket}", "-o", "IdentitiesOnly=yes", "-i", certificate, "-l", account)
            return self.ssh(*who, *options, machine or self.name)

    def bare(self, account: str, key: str) -> Done:
        """Log in with a key alone."""
        return self.ssh("-i", self.keys / key, "-l", account, self.name)

    def ssh(self, *arguments: object) -> Done:
        """Ask who one is there, over a new connection, with none of the automation's own keys."""
        lines = (INVENTORY / ".ssh_config").read_text().splitlines()
        config = self.folder / "ssh_config"
        config.write_text("".join(f"{line}\n" for line in lines if "IdentityFile" not in line))
        fresh = ("-o", "ControlPath=none", "-o", "ControlMaster=no", "-o", "BatchMode=yes")
        return run("/usr/bin/ssh", "-F", config, *fresh, *arguments, "id", "-un")

    def own(self, person: str, machine: str = "") -> Done:
        """Log in as a person with the certificate that was issued to them."""
        return self.login(person, self.certificates[person], person, machine=machine)


@pytest.fixture(scope="session")
def certificates(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a certificate of each of three people."""
    desk = Desk(keys, tmp_path_factory.mktemp("certificates"))
    found = {}
    for person in ("ann", "bob", "carol"):
        done, found[person] = desk.issue(person)
        assert done.returncode == 0, words(done)
    return found


@pytest.fixture
def desk(host: Host, keys: Path, tmp_path: Path, certificates: dict[str, Path]) -> Desk:
    """Return the desk of a test."""
    return Desk(keys, tmp_path, host.backend.get_pytest_id().removeprefix("ssh://"), certificates)


@pytest.fixture
def own_state(desk: Desk) -> Iterator[dict[str, str]]:
    """Return a copy of the state, so that a leaver of the test is remembered nowhere else; then all come back."""
    own = desk.folder / "state" / desk.state.name
    for name in ("pki", "hr"):
        shutil.copytree(desk.state / name, own / name)
    # Hosts believe the key that signed the list which they hold.
    for path in (desk.state / name for name in ("tombstone_key", "tombstone_key.pub", "allowed_signers")):
        shutil.copy(path, own)
    yield {"HAECHI_STATE_DIR": str(desk.folder / "state")}
    # The list of this leaving has a higher number than the site's own, and hosts refuse a lower one. A fetch in between
    # would find none and keep people out for five minutes; the role starts the timer again.
    away = "systemctl stop haechi-list.timer haechi-list.service; rm -rf /var/lib/haechi/list"
    for name in ("trixie", "bookworm"):
        run("/usr/bin/podman", "exec", f"haechi-molecule-{name}", "sh", "-c", away)
    back = playbook("molecule/pki/converge.yml")
    assert back.returncode == 0, words(back)
