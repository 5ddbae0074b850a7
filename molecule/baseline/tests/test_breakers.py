"""Break, let the role repair, look again: a control whose breaker is not caught is a defect."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from testinfra.host import Host

SCENARIO = Path(__file__).resolve().parents[1]


BREAKERS = yaml.safe_load((SCENARIO / "tests/breakers.yml").read_text())
CLEAN_UP = """
rm -f /srv/hx-open /srv/hx-orphan
rm -f /usr/local/bin/hx-id /var/log/hx.log /etc/init.d/hx /etc/sudoers.d/hx /usr/lib/systemd/system/fingerd.service
systemctl unmask fingerd
dpkg-statoverride --remove /usr/local/bin/hx-id
userdel --remove dia
"""
Seen = dict[str, tuple[str, str]]


def converge(host: Host) -> str:
    """Run the role on this host alone and return what Ansible said."""
    play = [
        "-i",
        str(SCENARIO.parent / "inventory"),
        "--limit",
        host.backend.get_hostname(),
        str(SCENARIO / "converge.yml"),
    ]
    done = subprocess.run(["ansible-playbook", *play], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def seen(host: Host) -> Iterator[Seen]:
    """Break everything and look; after one run of the role look again; run once more. Both runs stand under `runs`."""
    try:
        for breaker in BREAKERS:
            host.run_expect([0], breaker["breaks"])
        host.run_expect([0], "useradd --create-home --shell /bin/bash dia && chage --maxdays 90 dia")
        host.run_expect([0], "install -m 666 /dev/null /srv/hx-open && install -o 4711 /dev/null /srv/hx-orphan")
        broken = {breaker["item"]: host.run(breaker["look"]).stdout.strip() for breaker in BREAKERS}
        first = converge(host)
        mended = {breaker["item"]: host.run(breaker["look"]).stdout.strip() for breaker in BREAKERS}
        yield {"runs": (first, converge(host))} | {item: (broken[item], mended[item]) for item in broken}
    finally:
        host.run(CLEAN_UP)


@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda breaker: breaker["item"])
def test_the_role_repairs_what_was_broken(seen: Seen, breaker: dict[str, str]) -> None:
    """It was false after the breaker, and one run made it true."""
    broken, mended = seen[breaker["item"]]

    assert broken != breaker["right"]
    assert mended == breaker["right"]


def test_the_role_changes_exactly_then(seen: Seen) -> None:
    """A role that changes something at every run hides the run in which an intruder did."""
    first, second = seen["runs"]

    assert "changed=0" not in first
    assert "changed=0" in second


@pytest.mark.parametrize(
    ("item", "path", "still"),
    [("U-25", "/srv/hx-open", "666 root"), ("U-15", "/srv/hx-orphan", "755 UNKNOWN")],
)
def test_what_a_person_must_judge_is_said_and_left_alone(
    host: Host, seen: Seen, item: str, path: str, still: str
) -> None:
    """Whose file it is and why it is open, only a person knows."""
    warnings = [line for run in seen["runs"] for line in run.splitlines() if path in line]

    assert warnings
    assert f"{item}: " in warnings[0]
    assert host.check_output("stat --format '%%a %%U' %s", path) == still


@pytest.mark.usefixtures("seen")
def test_an_account_without_a_password_never_ages(host: Host) -> None:
    """Its last change lies 91 days back and its key login is admitted; it had been given 90 days."""
    host.run_expect([0], "chage --lastday \"$(date --date='91 days ago' +%F)\" dia")

    assert host.run("pamtester sshd dia acct_mgmt").rc == 0
