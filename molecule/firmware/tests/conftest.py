"""The two machines with a device, the playbooks as an operator runs them, and a policy whose window is moved."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from namespaces import inside

from haechi.policy.firmware import DAYS
from haechi.policy.resolve import KST

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
BIN = Path(sys.executable).parent
FIXTURE = Path(__file__).parents[1] / "fixture"
HOSTS = ("trixie", "bookworm")
DEVICE = "08d460be0f1f9f128413f816022a6439e0078018"
OLD, NEW = "1.2.2", "1.2.4"


def does(host: str, command: str, *more: str) -> str:
    """Run a command as root, without any network."""
    argv = [*inside(host), "sh", "-c", command, "sh", *more]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout


def runs(host: str, script: str, *more: str) -> None:
    """Run a script of the fixture as root."""
    does(host, (FIXTURE / script).read_text(), *more)


def version(host: str) -> str:
    """Return what fwupd says runs on the device."""
    said = json.loads(does(host, f"fwupdmgr get-devices {DEVICE} --json"))
    return str(said["Devices"][0]["Version"])


def ansible(*arguments: str, **more: str) -> tuple[int, str]:
    """Run a program of Ansible's; return exit code and words."""
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **more}
    argv = [str(BIN / arguments[0]), *arguments[1:]]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=180, cwd=ROOT, env=env
    )
    return done.returncode, done.stdout + done.stderr


def converged() -> str:
    """Run the role as a site does; return what was said."""
    code, said = ansible("ansible-playbook", "-i", str(INVENTORY), "molecule/firmware/converge.yml")
    assert code == 0, said
    return said


def audited(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return what an audit says of firmware, by host and control."""
    result = folder / "audit.json"
    command = ("ansible-playbook", "-i", str(INVENTORY), "playbooks/audit.yml", "--limit", ",".join(HOSTS))
    _, said = ansible(*command, HAECHI_AUDIT_JSON=str(result))
    assert result.is_file(), said
    found: dict[str, dict[str, dict[str, Any]]] = {host: {} for host in HOSTS}
    for row in json.loads(result.read_text())["verdicts"]:
        if row["subject"] in HOSTS and row["control"].startswith("firmware-"):
            found[row["subject"]][row["control"]] = row
    return found


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Ask for an installation, with the window that many minutes from now."""

    def run(*arguments: str, minutes: int) -> tuple[int, str]:
        inventory = tmp_path / f"inventory{minutes}"
        if not inventory.exists():
            shutil.copytree(INVENTORY, inventory, symlinks=True)
            begins = datetime.now(KST) + timedelta(minutes=minutes)
            window = f'{{day: {DAYS[begins.weekday()]}, start: "{begins:%H:%M}", minutes: 60}}'
            path = inventory / "group_vars/all/policy/firmware.yml"
            lines = path.read_text().splitlines()
            path.write_text("".join(f"  window: {window}\n" if "window:" in row else f"{row}\n" for row in lines))
        return ansible("ansible-playbook", "-i", str(inventory), "playbooks/firmware.yml", *arguments)

    return run


@pytest.fixture
def offered() -> Iterator[None]:
    """Have an update wait on both machines, which their vendor does not call critical; afterwards it is gone."""
    for host in HOSTS:
        runs(host, "offer.sh", "medium")
    yield
    for host in HOSTS:
        does(host, "rm -rf /var/lib/firmware-test /etc/fwupd/remotes.d/site-test.conf; systemctl restart fwupd")
