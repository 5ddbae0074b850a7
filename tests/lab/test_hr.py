"""Somebody leaves because HR says so, on the standing lab: an auditor who was hired for this test alone."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from haechi import authenticator
from haechi import policy as policies
from haechi.demo.doors import Answer, Doors
from haechi.demo.playbooks import Playbooks
from haechi.hr.work import runfolder
from haechi.lab import secrets as lab_secrets
from haechi.lab import site

from .conftest import INVENTORY, MANAGED, ROOT, Lab

# Another one each time: a lab that stands remembers for ever who left.
LEAVER = f"mira-{secrets.token_hex(3)}"
HOSTS, FAR_HOST = ("ops1", "log1"), "log1"
HERE = "inside-log1"
HAECHI = Path(sys.executable).with_name("haechi")
USER, PATCH = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:api:messages:2.0:PatchOp"
PATIENCE_S = 180.0
# With nothing but Python, over TLS that trusts the site's authority alone.
SPEAK = """
import http.client, json, ssl, sys
asked = json.loads(sys.argv[1])
trust = ssl.create_default_context(cadata=asked["root"])
line = http.client.HTTPSConnection("10.77.10.11", 8443, context=trust, timeout=20)
headers = {"Authorization": "Bearer " + asked["token"], "Content-Type": "application/scim+json"}
line.request(asked["method"], asked["path"], json.dumps(asked["body"]), headers)
heard = line.getresponse()
text = heard.read().decode()
assert heard.status < 300, (heard.status, text)
print(text or "null")
"""


@dataclass(frozen=True)
class Hired:
    """The site with one person more, in a copy of its inventory."""

    doors: Doors

    def session(self) -> subprocess.Popen[str]:
        """Log in on the far host and stay there."""
        config = self.doors.inventory / ".ssh_config"
        options = {"BatchMode": "yes", "ControlPath": "none", "IdentityFile": str(self.doors.keys / LEAVER)}
        flags = [f"-o{name}={value}" for name, value in options.items()]
        command = ["ssh", "-F", str(config), *flags, "-l", LEAVER, FAR_HOST, f"echo {HERE}; exec sleep 600"]
        # Its own stderr: ssh leaves a shared one non-blocking, and Ansible refuses to start on that.
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **quiet)


@pytest.fixture
def hired(lab: Lab, tmp_path: Path) -> Iterator[Hired]:
    """Hire her by policy and ``onboard.yml``, and take away afterwards what nobody is to find of her."""
    inventory = tmp_path / "inventories/lab"
    shutil.copytree(INVENTORY, inventory)
    people = inventory / "group_vars/all/policy/identities.yml"
    listed = yaml.safe_load(people.read_text())
    listed["identities"].append({"id": LEAVER, "name": "한미라", "jobs": ["auditor"], "hr_id": "E-1099"})
    people.write_text(yaml.safe_dump(listed, allow_unicode=True))
    policy = site.read_policy(inventory)
    folder = site.secrets_dir(INVENTORY, policy.site.name)
    keys, public = folder / lab_secrets.KEYS, lab_secrets.identity_keys(policy, folder / lab_secrets.KEYS)
    shares = lab_secrets.share_keys(policy, folder / lab_secrets.SHARES)
    lab_secrets.write_policy_keys(inventory / "group_vars/all/policy/keys.yml", public, shares)
    doors = Doors(policy=policy, inventory=inventory, keys=keys, state=policies.state_dir(policy))
    try:
        with authenticator.plugged_in(keys):
            Playbooks(ROOT, inventory).run("onboard", "-e", f"person={LEAVER}")
            yield Hired(doors)
    finally:
        for host in HOSTS:
            lab.inside(host, "sh", "-c", f"userdel --remove {LEAVER}; rm -f /etc/ssh/authorized_keys.d/{LEAVER}*")
        for path in keys.glob(f"{LEAVER}*"):
            path.unlink()
        # These two hosts go by the copy's policy until the lab's own is run there again.
        Playbooks(ROOT, INVENTORY).run("site", "--limit", ",".join(HOSTS), "--tags", "accounts")


@contextmanager
def working(inventory: Path) -> Iterator[None]:
    """Have the worker run on the control node, as its unit does."""
    command = [str(HAECHI), "hr", "work", "-i", str(inventory)]
    with (inventory / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def asks(lab: Lab, keys: Path, method: str, path: str, body: dict[str, object]) -> Any:
    """Speak SCIM as an identity provider outside does; return what the receiver answered."""
    asked = {"method": method, "path": f"/scim/idp/v2{path}", "token": (keys / "hr-idp").read_text().strip()}
    root = lab.inside("edge1", "cat", "/etc/haechi/x509/root.pem").stdout
    done = lab.inside("client1", "python3", "-c", SPEAK, json.dumps({**asked, "body": body, "root": root}))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def told(inventory: Path, until: float) -> dict[str, Any]:
    """Return her revocation once every host of it is proven, or as it stands when patience is over."""
    row: dict[str, Any] = {}
    while time.monotonic() < until:
        done = subprocess.run(
            [str(HAECHI), "hr", "status", "--json", "-i", str(inventory)], capture_output=True, text=True, check=False
        )
        rows = [row for row in json.loads(done.stdout)["revocations"] if row["person"] == LEAVER]
        row = rows[0] if rows else {}
        if row and row["state"] == "closed":
            break
        time.sleep(1)
    return row


def test_what_the_identity_provider_says_outside_ends_in_proof_on_every_host(hired: Hired, lab: Lab) -> None:
    """`active: false` by SCIM at the edge: her live session ends, she is out everywhere, a signed bundle says so."""
    inventory, keys, session = hired.doors.inventory, hired.doors.keys, hired.session()
    try:
        assert session.stdout is not None
        assert session.stdout.readline().strip() == HERE
        with working(inventory):
            user = {"schemas": [USER], "userName": LEAVER, "externalId": "E-1099", "active": True}
            made = asks(lab, keys, "POST", "/Users", user)
            off = {"op": "Replace", "path": "active", "value": "False"}
            began = time.monotonic()
            assert asks(lab, keys, "PATCH", f"/Users/{made['id']}", {"schemas": [PATCH], "Operations": [off]}) is None
            row = told(inventory, began + PATIENCE_S)
        said = (inventory / "worker.log").read_text()

        assert {host["host"]: (host["state"], host["reasons"]) for host in row.get("hosts", ())} == dict.fromkeys(
            MANAGED, ("proven", [])
        ), said
        assert session.wait(10) != 0
    finally:
        session.kill()
    assert hired.doors.knock(LEAVER, FAR_HOST) is Answer.REFUSED
    assert hired.doors.knock("minho", FAR_HOST) is Answer.ACCEPTED
    [bundle] = (hired.doors.state / "hr/bundles").glob(f"*-{LEAVER}.json")
    verified = subprocess.run(
        [str(HAECHI), "hr", "verify", str(bundle), "-i", str(inventory)], capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stderr
    assert list(runfolder.root().glob(f"{runfolder.PREFIX}*")) == []
