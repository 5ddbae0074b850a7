"""The worker on the control node: it listens to nobody, takes what the receiver kept, and verifies it again."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from haechi.policy import load, state_dir

INVENTORY = Path(__file__).parents[2] / "inventory"
HOME = "/var/lib/haechi-work"
ENVIRONMENT = "systemctl show -P Environment haechi-work.service"
PATIENCE_S = 90
POLICY = load(INVENTORY).policy
assert POLICY is not None
STATE = state_dir(POLICY)


@pytest.fixture(scope="module")
def worker(over_ssh: Callable[[str], Host], keys: Path) -> Iterator[Host]:
    """Return the control node with what makes it one: pinned host keys, who left, and the automation's key."""
    node = over_ssh("trixie")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(STATE.rglob("*")):
            # What ssh keeps open here belongs to this machine.
            if path.is_file() and not path.is_socket():
                archive.add(path, arcname=f"state/{POLICY.site.name}/{path.relative_to(STATE)}")
        archive.add(keys / "haechi", arcname=".ssh/haechi_ed25519")
        archive.add(keys / "haechi.pub", arcname=".ssh/haechi_ed25519.pub")
    unpack = f"tar -x -C {HOME} --no-same-owner && chown -R haechi-work: {HOME} && chmod 600 {HOME}/.ssh/haechi_ed25519"
    command = ["podman", "exec", "-i", "haechi-molecule-trixie", "sh", "-c", unpack]
    subprocess.run(command, input=packed.getvalue(), check=True)
    node.check_output("systemctl restart haechi-work.service")
    yield node
    node.check_output("systemctl stop haechi-work.service")


def told(worker: Host) -> Any:
    """Return what the worker's ledger tells people."""
    environment = worker.check_output(ENVIRONMENT)
    command = f"runuser -u haechi-work -- env HOME={HOME} {environment} python3 -s -P -m haechi hr status --json"
    return json.loads(worker.check_output(f"cd / && {command} -i /etc/haechi-work/inventory"))


def test_it_runs_as_its_own_account_and_listens_to_nobody(worker):
    assert worker.check_output("systemctl is-active haechi-work.service") == "active"
    number = worker.check_output("systemctl show -P MainPID haechi-work.service")
    assert worker.check_output(f"ps -o user= -p {number}") == "haechi-work"
    heard = worker.check_output("ss --no-header --listening --tcp --udp --processes")
    assert "sshd" in heard
    assert f"pid={number}," not in heard


def test_its_policy_is_root_s_and_the_way_to_the_hosts_is_pinned(worker):
    policy = worker.file("/etc/haechi-work/inventory/group_vars/all/policy/hr.yml")
    assert (policy.user, policy.group, policy.mode) == ("root", "haechi-work", 0o640)
    assert policy.content == (INVENTORY / "group_vars/all/policy/hr.yml").read_bytes()
    config = worker.file("/etc/haechi-work/inventory/.ssh_config").content_string
    assert "StrictHostKeyChecking yes" in config
    assert f"IdentityFile {HOME}/.ssh/haechi_ed25519" in config


def test_it_takes_what_the_receiver_kept_and_nobody_is_guessed(worker, outside):
    name = f"p{int(time.time())}"
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": True}
    made = outside.asks("POST", "/scim/idp/v2/Users", user)
    assert made.status == 201
    left = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": "False"}],
    }
    assert outside.asks("PATCH", f"/scim/idp/v2/Users/{made.json['id']}", left).status == 204
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = [row for row in told(worker)["matters"] if row["kind"] == "unmatched" and name in row["about"]]
        if found:
            break
        time.sleep(1)
    assert found, worker.check_output("journalctl --no-pager -n 20 -o cat -u haechi-work.service")


def test_it_shares_no_key_with_the_receiver(worker, host):
    lines = worker.check_output(f"cat {HOME}/.ssh/haechi_ed25519.pub").split()[1]
    assert host.run(f"grep -rqs {shlex.quote(lines)} /var/lib/haechi-receive /etc/haechi-receive").rc == 1
