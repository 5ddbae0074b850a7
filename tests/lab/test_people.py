"""Somebody moves to another job, and somebody who left comes back: real logins on the standing lab."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from haechi import authenticator
from haechi.cli import main
from haechi.demo.doors import Answer, Doors
from haechi.lab import secrets, site
from haechi.policy import state_dir

from .conftest import INVENTORY, MANAGED, ROOT, Lab

KEYS = ROOT / ".lab/lab/keys"
ACCOUNTS = ("playbooks/site.yml", "--tags", "accounts")
RESTART = "/usr/bin/systemctl restart postgresql"
SECRETS = [
    {"name": "log-console", "where": "of the log host", "rotate": "on the log host", "jobs": ["auditor"]},
    {"name": "db-console", "where": "of the database", "rotate": "on the database", "jobs": ["dba"]},
]


@dataclass(frozen=True)
class Paper:
    """The lab's policy in a folder of its own, to be changed there."""

    inventory: Path

    def change(self, file: str, old: str, new: str) -> None:
        """Change a file of policy."""
        path = self.inventory / f"group_vars/all/policy/{file}.yml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def add(self, name: str, value: object) -> None:
        """Add a name to policy."""
        path = self.inventory / f"group_vars/all/policy/{name}.yml"
        path.write_text(yaml.safe_dump({name: value}))


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    """Return the lab's policy, to be changed; its machines, keys and state are the lab's own."""
    (tmp_path / ".lab").symlink_to(ROOT / ".lab")
    return Paper(Path(shutil.copytree(INVENTORY, tmp_path / "inventories/lab")))


def doors(keys: Path = KEYS) -> Doors:
    """Return the lab's doors, knocked at with these keys."""
    policy = site.read_policy(INVENTORY)
    return Doors(policy=policy, inventory=INVENTORY, keys=keys, state=state_dir(policy))


@pytest.fixture
def auditor(lab: Lab, paper: Paper) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Let Sora, an auditor, be logged in wherever she may; afterwards she is one again."""
    paper.add("shared_secrets", SECRETS)
    with authenticator.plugged_in(KEYS):
        known = lab.playbook(*ACCOUNTS, "--limit", "ops1", inventory=paper.inventory)
        assert known.returncode == 0, known.stdout
        held = {host: subprocess.Popen(doors().command("sora", host, "sleep 600")) for host in ("log1", "ops1")}
        yield held
        for one in held.values():
            one.kill()
            one.wait()
        again = lab.playbook(*ACCOUNTS)
    lab.inside("db1", "rm", "-rf", "/home/sora")
    assert again.returncode == 0, again.stdout


def changed(lab: Lab, host: str, path: str) -> float:
    """Return when a file was written last (s since 1970)."""
    return float(lab.inside(host, "stat", "-c", "%.9Y", path).stdout)


def test_a_mover_loses_what_the_new_job_does_not_give_and_then_gets_the_rest(
    lab: Lab, paper: Paper, auditor: dict[str, subprocess.Popen[bytes]]
) -> None:
    """From auditor to the database: sessions of before end, and no rule of sudo comes while one of them is open."""
    hosts = ("log1", "ops1", "db1")
    before = doors().knock_all("sora", hosts)
    assert before == {"log1": Answer.ACCEPTED, "ops1": Answer.ACCEPTED, "db1": Answer.REFUSED}
    assert [host for host, one in auditor.items() if one.poll() is not None] == []
    paper.change("identities", "jobs: [auditor], hr_id: E-1004", "jobs: [dba], hr_id: E-1004")

    moved = lab.playbook(*ACCOUNTS, inventory=paper.inventory)

    assert moved.returncode == 0, moved.stdout
    assert {host: one.wait(10) != 0 for host, one in auditor.items()} == {"log1": True, "ops1": True}
    after = doors().knock_all("sora", hosts)
    assert after == {"log1": Answer.REFUSED, "ops1": Answer.ACCEPTED, "db1": Answer.ACCEPTED}
    for host in ("ops1", "db1"):
        asked = doors().command("sora", host, f"id -nG; sudo -n -l {RESTART}")
        may = subprocess.run(asked, capture_output=True, check=False)
        assert (may.returncode, b"adm" in may.stdout, RESTART.encode() in may.stdout) == (0, False, True), may.stderr
    assert lab.inside("log1", "pamtester", "sshd", "sora", "acct_mgmt").returncode != 0
    assert lab.inside("log1", "test", "-e", "/etc/sudoers.d/haechi-sora").returncode != 0
    gone = max(changed(lab, "log1", "/etc/shadow"), changed(lab, "ops1", "/etc/group"))
    assert gone < min(changed(lab, host, "/etc/sudoers.d/haechi-sora") for host in ("ops1", "db1"))
    told = moved.stdout + moved.stderr
    assert ("sora moved: secret log-console" in told, "secret db-console" in told) == (True, False), told
    assert main(["rotated", "log-console", "--by", "jisoo", "-i", str(paper.inventory)]) == 0


@pytest.fixture
def anew(lab: Lab, paper: Paper, tmp_path: Path) -> Iterator[Path]:
    """Return a folder with the new security key of Hana, whom the demo let go; afterwards she has left again."""
    folder = tmp_path / "keys"
    secrets.keypair(folder / "hana", "hana")
    line = authenticator.public_line(folder / "hana", "hana")
    (folder / "hana.pub").write_text(f"{line}\n")
    yield folder
    with authenticator.plugged_in(KEYS):
        left = lab.playbook("playbooks/offboard.yml", "-e", "person=hana", inventory=paper.inventory)
    assert left.returncode == 0, left.stdout


def test_whoever_left_comes_back_with_a_new_key_alone(lab: Lab, paper: Paper, anew: Path) -> None:
    """With the old one nobody is let in again; with a new one on every host, and the old one stays refused there."""
    back = ("playbooks/onboard.yml", "-e", "person=hana", "-e", "rehire=true", "-e", "reason='hired again'")
    with authenticator.plugged_in(KEYS):
        old = lab.playbook(*back, inventory=paper.inventory)
        assert old.returncode != 0
        assert "is a key of before, which stays revoked for ever" in old.stdout + old.stderr
        paper.change("keys", (KEYS / "hana.pub").read_text().strip(), (anew / "hana.pub").read_text().strip())

        done = lab.playbook(*back, inventory=paper.inventory)

        assert done.returncode == 0, done.stdout
        assert doors().knock_all("hana", MANAGED) == dict.fromkeys(MANAGED, Answer.REFUSED)
    with authenticator.plugged_in(anew):
        assert doors(anew).knock_all("hana", MANAGED) == dict.fromkeys(MANAGED, Answer.ACCEPTED)
