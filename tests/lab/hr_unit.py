"""The worker's unit on the lab's control node, and what can be done to it there."""

from __future__ import annotations

import io
import json
import secrets
import shlex
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import yaml

from haechi import errand
from haechi.controls.hr import services
from haechi.controls.model import Case, Verdict
from haechi.demo.doors import Doors
from haechi.demo.playbooks import Playbooks
from haechi.desired import offboarding
from haechi.observe.posture import open_posture
from haechi.sshconfig import CERTIFICATE
from tests.unpacked import zipped

from .conftest import ROOT, Lab
from .hr import CONTROL, here, of_person

# What an audit looks at on a host, by its own code; of all collectors that of the units alone.
LOOK = f"""
import json, os, sys
code = os.memfd_create("look")
with open(code, "wb", closefd=False) as kept:
    kept.write(sys.stdin.buffer.read())
sys.path.insert(0, f"/proc/self/fd/{{code}}")
from {errand.PACKAGE}.posture import collect
from {errand.PACKAGE}.posture.ask import Question
collect.COLLECTORS = {{"services": collect.COLLECTORS["services"]}}
print(json.dumps(collect.observation(Question(), *sys.argv[1:])))
"""

# The processes of its runs, each as /proc/PID/environ.
PLAYBOOKS = "grep -lzs ^HAECHI_HR_RUN= /proc/[0-9]*/environ"


class Unit:
    """The worker's unit on the control node, which the role installed: its account, its key, the site's state."""

    HOME = offboarding.HOME
    MACHINE = f"haechi-lab-{CONTROL}"

    def __init__(self, lab: Lab, doors: Doors) -> None:
        """Install it by the role, give its account a key that hosts take, and hand it the state."""
        self.lab, self.doors = lab, doors
        playbooks = Playbooks(ROOT, doors.inventory)
        playbooks.run("site", "--limit", CONTROL, "--tags", "offboarding")
        key = f"{self.HOME}/.ssh/haechi_ed25519"
        self.root(f"install -d -m 700 -o haechi-work -g haechi-work {self.HOME}/.ssh")
        self.root(f"runuser -u haechi-work -- ssh-keygen -q -t ed25519 -N '' -C worker -f {key}")
        self.fingerprint = self.root(f"ssh-keygen -lf {key}.pub").split()[1]
        path = doors.inventory / "group_vars/all/policy/keys.yml"
        keys = yaml.safe_load(path.read_text())
        keys["keys"]["haechi"].append(self.root(f"cat {key}.pub").strip())
        path.write_text(yaml.safe_dump(keys))
        playbooks.run("site", "--tags", "accounts,offboarding")
        self._take_over()

    @property
    def state(self) -> str:
        """Return where its state lies."""
        return f"{self.HOME}/state/{self.doors.policy.site.name}"

    def root(self, script: str) -> str:
        """Run a script as root there."""
        done = self.lab.inside(CONTROL, "sh", "-c", script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def told(self, person: str) -> dict[str, Any]:
        """Return how a leaving stands in its ledger."""
        environment = self.root("systemctl show -P Environment haechi-work.service").strip()
        command = f"env HOME={self.HOME} {environment} python3 -s -P -m haechi hr status --json"
        asked = f"cd / && runuser -u haechi-work -- {command} -i {offboarding.INVENTORY}"
        # It ends with 1 while something is late.
        return of_person(self.lab.inside(CONTROL, "sh", "-c", asked, timeout=300).stdout, person)

    def journal(self) -> str:
        """Return what it said."""
        return self.root("journalctl --no-pager -o cat -n 40 -u haechi-work.service")

    def pid(self) -> int:
        """Return its process."""
        return int(self.root("systemctl show -P MainPID haechi-work.service"))

    def playbooks(self) -> list[int]:
        """Return the processes of its runs, whatever became of the worker that began them."""
        found = self.root(f"{PLAYBOOKS}; true")
        return [int(path.split("/")[2]) for path in found.split()]

    def kept(self, person: str) -> dict[str, dict[str, Any]]:
        """Return what it keeps of the runs about somebody, by the nonce of each."""
        lines = self.root(f"cd {self.state}/hr/runs && cat */*.json").splitlines()
        return {row["nonce"]: row for row in map(json.loads, lines) if row["person"] == person}

    def tombstones(self, person: str) -> list[int]:
        """Return the numbers under which somebody's leaving is signed."""
        listed = json.loads(self.root(f"cat {self.state}/tombstones.json"))
        return [row["sequence"] for row in listed["tombstones"] if row["person"] == person]

    @contextmanager
    def inventory(self, text: str) -> Iterator[None]:
        """Let the hosts file of its inventory be another one; what policy says stays."""
        path = f"{offboarding.INVENTORY}/hosts.yml"
        before = self.root(f"cat {path}")
        self._write(path, text)
        try:
            yield
        finally:
            self._write(path, before)

    def _write(self, path: str, text: str) -> None:
        self.root(f"printf %s {shlex.quote(text)} > {path}")

    @contextmanager
    def full(self, folder: str) -> Iterator[Callable[[], None]]:
        """Let the disk under a folder be full; what is yielded makes room on it."""
        pid = here("podman", "inspect", "--format", "{{.State.Pid}}", self.MACHINE).stdout.strip()
        owned = self.root("echo uid=$(id -u haechi-work),gid=$(id -g haechi-work)").strip()
        small = ["-t", "tmpfs", "-o", f"size=1m,mode=700,{owned}", "small", folder]
        # The machine itself may not mount anything.
        assert here("nsenter", "--target", pid, "--mount", "mount", *small).returncode == 0
        self.root(f"head -c 2M /dev/zero > {folder}/ballast 2>/dev/null; true")

        def make_room() -> None:
            self.root(f"rm {folder}/ballast")

        try:
            yield make_room
        finally:
            self.root(f"rm -rf /var/tmp/kept && cp -a {folder} /var/tmp/kept && rm -f /var/tmp/kept/ballast")
            here("nsenter", "--target", pid, "--mount", "umount", folder)
            self.root(f"cp -a /var/tmp/kept/. {folder}/ && rm -r /var/tmp/kept")

    def judged(self) -> Verdict:
        """Return what an audit says of it now."""
        nonce = secrets.token_hex(16)
        command = ["podman", "exec", "-i", self.MACHINE, "python3", "-I", "-S", "-c", LOOK, CONTROL, nonce]
        code = zipped(errand.pack(ROOT / "plugins/module_utils", "posture.collect"))
        done = subprocess.run(command, input=code, capture_output=True, check=True)
        posture = open_posture(json.loads(done.stdout), host=CONTROL, nonce=nonce, host_key=None)
        return services(Case(host=CONTROL, policy=self.doors.policy, desired={}, posture=posture, at=datetime.now(UTC)))

    def close(self) -> None:
        """Take the state back, so that nothing that was signed there is lost, and take the service off the host."""
        self.root("systemctl disable --quiet --now haechi-work.service")
        packed = subprocess.run(
            ["podman", "exec", self.MACHINE, "tar", "-c", "-C", self.state, f"--exclude=./{CERTIFICATE}", "."],
            capture_output=True,
            check=True,
        )
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(self.doors.state, filter="data")
        self.root(
            f"rm -rf /opt/haechi-work /etc/haechi-work {self.HOME} /etc/sysusers.d/haechi-work.conf"
            " /etc/systemd/system/haechi-work.service && systemctl daemon-reload && userdel haechi-work"
        )

    def _take_over(self) -> None:
        """Move the site's state there: who left, the pinned keys, the evidence. Two who sign would part for ever."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path in sorted(self.doors.state.rglob("*")):
                # What ssh keeps open here is this machine's, and so is the certificate of its key.
                if path.is_file() and not path.is_socket() and path.name != CERTIFICATE:
                    archive.add(path, arcname=str(path.relative_to(self.doors.state)))
        unpack = f"mkdir -p {self.state} && tar -x -C {self.state} && chown -R haechi-work: {self.HOME}/state"
        self.root("systemctl stop haechi-work.service")
        command = ["podman", "exec", "-i", self.MACHINE, "sh", "-c", unpack]
        subprocess.run(command, input=packed.getvalue(), check=True)
        self.root("systemctl start haechi-work.service")
