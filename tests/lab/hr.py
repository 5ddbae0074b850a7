"""What the stories about HR need of the standing lab: people hired for them, an identity provider, two services."""

from __future__ import annotations

import io
import json
import secrets
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from haechi import authenticator
from haechi import policy as policies
from haechi.demo.doors import Doors
from haechi.demo.playbooks import Playbooks
from haechi.desired import offboarding
from haechi.lab import secrets as lab_secrets
from haechi.lab import site
from haechi.sshconfig import CERTIFICATE

from .conftest import INVENTORY, ROOT, Lab

# Others each time: a lab that stands remembers for ever who left.
MIRA, DASOM, JUN = (f"{name}-{secrets.token_hex(3)}" for name in ("mira", "dasom", "jun"))
HR_IDS = {MIRA: "E-1097", DASOM: "E-1098", JUN: "E-1099"}
# Where an auditor of the lab may log in.
HOSTS = ("ops1", "log1")
CONTROL = "ops1"
HERE = "inside-"
PROGRAM = Path(sys.executable).with_name("haechi")
USER, PATCH = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# With nothing but Python, over TLS that trusts one authority alone.
SPEAK = """
import http.client, json, ssl, sys
asked = json.loads(sys.argv[1])
trust = ssl.create_default_context(cadata=asked["root"])
line = http.client.HTTPSConnection(asked["receiver"], asked["port"], context=trust, timeout=20)
headers = {"Authorization": "Bearer " + asked["token"], "Content-Type": "application/scim+json"}
line.request(asked["method"], asked["path"], json.dumps(asked["body"]), headers)
heard = line.getresponse()
text = heard.read().decode()
assert heard.status < 300, (heard.status, text)
print(text or "null")
"""
T = TypeVar("T")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """An identity provider: what runs its program, how it reaches the receiver, whom it trusts."""

    run: Run
    receiver: str
    port: int
    root: str
    token: str

    def asks(self, method: str, path: str, body: dict[str, object]) -> Any:
        """Speak SCIM, and return what the receiver answered."""
        told = {"receiver": self.receiver, "port": self.port, "root": self.root, "token": self.token}
        asked = {"method": method, "path": f"/scim/idp/v2{path}", "body": body, **told}
        done = self.run("python3", "-c", SPEAK, json.dumps(asked))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def deactivates(self, person: str) -> None:
        """Tell of somebody, then that they are not active any more, as Entra words it."""
        user = {"schemas": [USER], "userName": person, "externalId": HR_IDS[person], "active": True}
        made = self.asks("POST", "/Users", user)
        off = {"op": "Replace", "path": "active", "value": "False"}
        assert self.asks("PATCH", f"/Users/{made['id']}", {"schemas": [PATCH], "Operations": [off]}) is None


def here(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command on this machine."""
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=ROOT)


@contextmanager
def session(doors: Doors, person: str, host: str) -> Iterator[subprocess.Popen[str]]:
    """Let somebody be logged in and stay."""
    # Its own stderr: ssh leaves a shared one non-blocking, and Ansible refuses to start on that.
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = doors.command(person, host, f"echo {HERE}{host}; exec sleep 900")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **quiet) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == f"{HERE}{host}"
            yield process
        finally:
            process.kill()


def until(told: Callable[[], T], enough: Callable[[T], bool], seconds: float) -> T:
    """Return what is told once it is enough, or as it stands when patience is over."""
    ends = time.monotonic() + seconds
    row = told()
    while not enough(row) and time.monotonic() < ends:
        time.sleep(1)
        row = told()
    return row


def of_person(status: str, person: str) -> dict[str, Any]:
    """Return the one leaving of a person from ``haechi hr status --json``; empty where there is none yet."""
    rows = [row for row in json.loads(status)["revocations"] if row["person"] == person]
    return rows[0] if rows else {}


def stands(row: dict[str, Any]) -> dict[str, str]:
    """Return how each host of a leaving stands."""
    return {host["host"]: host["stand"] for host in row.get("hosts", ())}


@contextmanager
def hired(lab: Lab, folder: Path) -> Iterator[Doors]:
    """Hire auditors in a copy of the inventory, and take away afterwards what nobody is to find of them."""
    inventory = Path(shutil.copytree(INVENTORY, folder / "inventories/lab"))
    people = inventory / "group_vars/all/policy/identities.yml"
    listed = yaml.safe_load(people.read_text())
    listed["identities"] += [
        {"id": name, "name": name, "jobs": ["auditor"], "hr_id": hr_id} for name, hr_id in HR_IDS.items()
    ]
    people.write_text(yaml.safe_dump(listed, allow_unicode=True))
    change(inventory, worker=CONTROL)
    policy = site.read_policy(inventory)
    secret = site.secrets_dir(INVENTORY, policy.site.name)
    keys, public = secret / lab_secrets.KEYS, lab_secrets.identity_keys(policy, secret / lab_secrets.KEYS)
    shares = lab_secrets.share_keys(policy, secret / lab_secrets.SHARES)
    lab_secrets.write_policy_keys(inventory / "group_vars/all/policy/keys.yml", public, shares)
    try:
        with authenticator.plugged_in(keys):
            Playbooks(ROOT, inventory).run("site", "--limit", ",".join(HOSTS), "--tags", "accounts")
            yield Doors(policy=policy, inventory=inventory, keys=keys, state=policies.state_dir(policy))
    finally:
        for path in (found for name in HR_IDS for found in keys.glob(f"{name}*")):
            path.unlink()
        for host in HOSTS:
            for name in HR_IDS:
                lab.inside(
                    host,
                    "sh",
                    "-c",
                    f"userdel -rf {name}; rm -f /etc/sudoers.d/haechi-{name} /etc/ssh/authorized_keys.d/{name}*",
                )
        # The hosts go by the copy's policy until the lab's own is run there again.
        with authenticator.plugged_in(keys):
            Playbooks(ROOT, INVENTORY).run("site", "--tags", "accounts,offboarding")


def change(inventory: Path, **hr: object) -> None:
    """Change what policy says of HR."""
    path = inventory / "group_vars/all/policy/hr.yml"
    told = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({"hr": {**told["hr"], **hr}}))


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
        return of_person(self.lab.inside(CONTROL, "sh", "-c", asked).stdout, person)

    def journal(self) -> str:
        """Return what it said."""
        return self.root("journalctl --no-pager -o cat -n 40 -u haechi-work.service")

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
