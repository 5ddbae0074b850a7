"""Make a fleet, have somebody work on it, put her out of it, and look whether she is; whatever happens, clean up.

One host is hardened by the roles and the others are born of it, as a fleet comes from one image: hardening a hundred
would take the time and show nothing more, since what is measured is the leaving.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haechi import policy as policies
from haechi import sshconfig
from haechi.demo import StoryError
from haechi.demo.playbooks import Playbooks
from haechi.fleet.figures import Leaving
from haechi.fleet.inventory import AUTOMATION, BASTION, COLLEAGUE, LEAVER, SITE, hosts, write
from haechi.lab import podman, site
from haechi.lab.site import Say
from haechi.policy.models import Policy

SCRATCH = Path(".cache/fleet")
IMAGE = "localhost/haechi:fleet"
TEMPLATE = "h001"
SESSIONS = 10
PATIENCE = 30
# A child that hangs on to nothing of the session, as `nohup` and a habit make it; and what the session itself does.
AWAY, HERE = 86391, 86392
WORK = f"setsid nohup sleep {AWAY} >/dev/null 2>&1 </dev/null & exec sleep {HERE}"


@contextmanager
def made(root: Path, count: int, say: Say) -> Iterator[Fleet]:
    """Make a fleet, and remove all of it at the end: after an error and after Ctrl-C too.

    Raises ``ValueError`` for a number that is none of a fleet's, ``LabError`` or ``StoryError`` when it cannot be made.
    """
    hosts(count)
    inventory = root / SCRATCH / "inventories" / SITE
    fleet = Fleet(playbooks=Playbooks(root, inventory), count=count, say=say)
    try:
        fleet.make()
        yield fleet
    finally:
        fleet.remove()


@dataclass(kw_only=True)
class Fleet:
    """The machines, and who is logged in on them."""

    playbooks: Playbooks
    count: int
    say: Say
    stages: dict[str, float] = field(default_factory=dict)
    sessions: dict[str, dict[str, subprocess.Popen[bytes]]] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        """Return the policy as the files have it now."""
        return site.read_policy(self.playbooks.inventory)

    def make(self) -> None:
        """Harden a bastion and one host, and let the others be born of that one."""
        inventory = self.playbooks.inventory
        with self._stage("one host"):
            write(inventory, 2)
            site.up(inventory, self.say, fresh=True)
            self.playbooks.run("bootstrap")
            self.playbooks.run("site", "--tags", "accounts,sshd")
        with self._stage("fleet"):
            podman.run("commit", "--quiet", container(TEMPLATE), IMAGE)
            write(inventory, self.count)
            site.up(inventory, self.say, image=IMAGE)
            # The bastion forwards to the hosts that policy names, and these are more now.
            self.playbooks.run("site", "--tags", "accounts,sshd", "--limit", BASTION)

    def remove(self) -> None:
        """Hang up, and remove every machine, network, image, key and file that ``make`` made."""
        for people in self.sessions.values():
            for process in people.values():
                process.kill()
                process.wait()
        if (self.playbooks.inventory / "hosts.yml").is_file():
            site.down(self.playbooks.inventory, self.say)
        if podman.listing("images", "--filter", f"reference={IMAGE}"):
            podman.run("rmi", "--force", IMAGE)
        shutil.rmtree(self.playbooks.root / SCRATCH, ignore_errors=True)

    def work(self) -> None:
        """Log leaver and colleague in on some hosts, each with a child that outlives the session.

        Raises ``StoryError`` when one of them cannot get in.
        """
        with self._stage("sessions"):
            chosen = hosts(self.count)[1 : SESSIONS + 1]
            for person in (LEAVER, COLLEAGUE):
                self.sessions[person] = {host: self._log_in(person, host) for host in chosen}
            until = time.monotonic() + PATIENCE
            for person, host in ((person, host) for person, rows in self.sessions.items() for host in rows):
                while len(processes(host, person)) < 2:  # noqa: PLR2004 -- the session's and the one that ran away
                    if time.monotonic() > until:
                        raise StoryError(f"{person} did not get in on {host}, or nothing runs there")
                    time.sleep(0.2)
        self.say(f"{LEAVER} and {COLLEAGUE} are logged in on {len(chosen)} hosts, each with a child that ran away")

    def leave(self) -> Leaving:
        """Offboard the leaver, and read from its own record how that went.

        Raises ``StoryError`` when she is not proven denied on every host.
        """
        used = _cpu_of_children()
        with self._stage("offboard"):
            self.playbooks.run("offboard", "-e", f"person={LEAVER}")
        cpu = _cpu_of_children() - used
        return Leaving(
            record=self._record(),
            bastion=BASTION,
            cpu_s=cpu,
            sessions_ended=self._ended(),
            wall_s=self.stages["offboard"],
        )

    def look(self) -> None:
        """See by other ways than offboard's own that the leaver is out, and neither colleague nor automation is.

        Raises ``StoryError`` with what was seen instead.
        """
        with self._stage("look"):
            for host in hosts(self.count):
                if left := processes(host, LEAVER):
                    raise StoryError(f"{LEAVER} still runs {left} on {host}")
            for host, process in self.sessions[COLLEAGUE].items():
                if process.poll() is not None or len(processes(host, COLLEAGUE)) < 2:  # noqa: PLR2004 -- as above
                    raise StoryError(f"{COLLEAGUE}'s session on {host} ended with {LEAVER}'s")
                if self._enters(LEAVER, host):
                    raise StoryError(f"{LEAVER} still gets in on {host}")
                for other in (COLLEAGUE, AUTOMATION):
                    if not self._enters(other, host):
                        raise StoryError(f"{other} no longer gets in on {host}")

    def _ended(self) -> int:
        """Return how many of the leaver's sessions the far side has ended, with the child that ran away."""
        ended = 0
        for host, process in self.sessions[LEAVER].items():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                continue
            ended += not processes(host, LEAVER)
        return ended

    def _record(self) -> dict[str, Any]:
        kept = sorted((policies.state_dir(self.policy) / "runs").glob(f"offboard-{LEAVER}-*.json"))
        record: dict[str, Any] = json.loads(kept[-1].read_text(encoding="utf-8"))
        return record

    def _log_in(self, person: str, host: str) -> subprocess.Popen[bytes]:
        null = subprocess.DEVNULL
        return subprocess.Popen([*self._ssh(person), "-tt", host, WORK], stdin=null, stdout=null, stderr=null)

    def _enters(self, person: str, host: str) -> bool:
        argv = [*self._ssh(person), host, "true"]
        done = subprocess.run(argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        return done.returncode == 0

    def _ssh(self, person: str) -> list[str]:
        inventory = self.playbooks.inventory
        key = site.secrets_dir(inventory, SITE) / "keys" / person
        fresh = ["-o", "BatchMode=yes", "-o", "ControlPath=none", "-i", str(key), "-l", person]
        return ["ssh", "-F", str(inventory / sshconfig.FILE_NAME), *fresh]

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.stages[name] = round(time.monotonic() - began, 1)


def container(host: str) -> str:
    """Return the name of a host's container."""
    return f"haechi-{SITE}-{host}"


def processes(host: str, person: str) -> list[str]:
    """Return the sleeps that run as a person, seen from inside the machine, which neither sshd nor a rule colours."""
    script = f"pgrep --exact --euid {person} --list-full sleep || true"
    return podman.run("exec", container(host), "sh", "-c", script).splitlines()


def _cpu_of_children() -> float:
    """Return the seconds of processor, user and system, of all ended children and theirs (getrusage(2))."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
