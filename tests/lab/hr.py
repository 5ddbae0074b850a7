"""What the stories about HR need of the standing lab: people hired for them, an identity provider, two services."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from haechi import authenticator
from haechi import policy as policies
from haechi.demo.doors import Doors
from haechi.demo.playbooks import Playbooks
from haechi.lab import secrets as lab_secrets
from haechi.lab import site

from .conftest import INVENTORY, MANAGED, ROOT, Lab

# Others each time: a lab that stands remembers for ever who left.
PEOPLE = tuple(
    f"{name}-{secrets.token_hex(3)}"
    for name in ("mira", "sua", "duri", "nari", "gaon", "haneul", "yul", "ara", "danbi", "dasom", "jun", "bori", "sori")
)
MIRA, SUA, DURI, NARI, GAON, HANEUL, YUL, ARA, DANBI, DASOM, JUN, BORI, SORI = PEOPLE
HR_IDS = {name: f"E-{number}" for number, name in enumerate(PEOPLE, 1080)}
# What each host shows of whoever is out: her key is refused, a colleague's accepted, and the host confirms it.
OUT = ("refused", "accepted", True)
# Where an auditor of the lab may log in.
HOSTS = ("ops1", "log1")
CONTROL, FAR = "ops1", "log1"
PROVEN = dict.fromkeys(MANAGED, "proven")
# The errand's login and the offer of her key before it get through, and no connection after them.
CUT = (
    "nft 'add table inet hx_cut; add chain inet hx_cut input { type filter hook input priority -300; };"
    " add rule inet hx_cut input tcp dport 22 ct state new limit rate over 1/hour burst 2 packets drop'"
)
PATIENCE_S = 300.0
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
def at(lab: Lab, host: str, before: str, after: str) -> Iterator[None]:
    """Do something on a host, and undo it when the block ends."""
    assert lab.inside(host, "sh", "-c", before).returncode == 0
    try:
        yield
    finally:
        lab.inside(host, "sh", "-c", after)


def cut_off(lab: Lab, host: str) -> AbstractContextManager[None]:
    """Cut a host's network between what an errand does and the proof of it, until the block ends."""
    return at(lab, host, CUT, "nft delete table inet hx_cut")


def hosts_file(*hosts: str) -> str:
    """Return an inventory's hosts file with these hosts; what policy says is another matter."""
    return f"all: {{children: {{managed: {{hosts: {{{', '.join(f'{host}: ' for host in hosts)}}}}}}}}}"


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
        # To ask costs the control node as much as a try does.
        time.sleep(3)
        row = told()
    return row


def of_person(status: str, person: str) -> dict[str, Any]:
    """Return the one leaving of a person from ``haechi hr status --json``; empty where there is none yet."""
    rows = [row for row in json.loads(status)["revocations"] if row["person"] == person]
    return rows[0] if rows else {}


def stands(row: dict[str, Any]) -> dict[str, str]:
    """Return how each host of a leaving stands."""
    return {host["host"]: host["stand"] for host in row.get("hosts", ())}


def shown(row: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    """Return by what each host of a leaving is proven: her key, a colleague's, the host's own word."""
    records = {host["host"]: host["record"] for host in row["hosts"]}
    return {
        name: (seen["after"]["person"], seen["after"]["canary"], seen["host"]["verified"])
        for name, seen in records.items()
    }


def nonces(row: dict[str, Any]) -> set[str]:
    """Return the runs that the hosts of a leaving are proven by."""
    return {host["record"]["nonce"] for host in row["hosts"]}


def tell(capsys: pytest.CaptureFixture[str], engine: str, row: dict[str, Any], began: float) -> None:
    """Say how long a leaving took, from the provider's word to the bundle, and to the proof by the ledger's clock."""
    with capsys.disabled():
        sys.stdout.write(
            f"\n{engine}: closed {time.monotonic() - began:.1f} s after HR spoke, proven {row['seconds']} s\n"
        )


def verified(bundle: Path, inventory: Path) -> None:
    """Say that a bundle holds, by the key of the site."""
    done = here(str(PROGRAM), "hr", "verify", str(bundle), "-i", str(inventory))
    assert done.returncode == 0, done.stderr


def wait_for_first_door(lab: Lab, person: str, then: str = "true") -> None:
    """Wait until a push began: the bastion is shut first, and the others come after it.

    ``then`` is done there at once, since all of a push may be over in two seconds.
    """
    key = f"/etc/ssh/authorized_keys.d/{person}"
    done = lab.inside(CONTROL, "sh", "-c", f"while test -s {key}; do sleep 0.02; done; {then}", timeout=120)
    assert done.returncode == 0, done.stderr


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
    # More leave here within an hour than go without a second person.
    change(inventory, worker=CONTROL, breaker={"people": 100, "percent": 100})
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
        gone = "userdel -rf $name; rm -f /etc/sudoers.d/haechi-$name /etc/ssh/authorized_keys.d/$name*"
        for host in HOSTS:
            lab.inside(host, "sh", "-c", f"for name in {' '.join(PEOPLE)}; do {gone}; done")
        # The hosts go by the copy's policy until the lab's own is run there again.
        with authenticator.plugged_in(keys):
            Playbooks(ROOT, INVENTORY).run("site", "--tags", "accounts,offboarding")


def change(inventory: Path, **hr: object) -> None:
    """Change what policy says of HR."""
    path = inventory / "group_vars/all/policy/hr.yml"
    told = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({"hr": {**told["hr"], **hr}}))
