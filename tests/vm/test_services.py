"""What HR's two units may not, on a kernel that enforces it: the role's own units, with other programs in them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import jinja2
import pytest

from .machine import ROOT, Machine
from .test_sandbox import PROBE, run_as

TEMPLATES = ROOT / "roles/offboarding/templates/etc"
UNITS = {name: f"/run/hx-{name}.service" for name in ("haechi-receive", "haechi-work")}
DESIRED = {
    "receive": {"credentials": []},
    "work": {"state": "/var/lib/haechi-work/state", "inventory": "/etc/haechi-work/inventory"},
}
TLS = ("/etc/haechi/x509/hr-receiver.pem", "/etc/haechi/x509/hr-receiver.key")
# What belongs to a service that stays, and to those that it comes after.
STAYING = "^(Restart|Requires|After|Wants|WorkingDirectory)"
# A folder in which every account may write.
OPEN = "/srv/hx-open"


@pytest.fixture(scope="module", autouse=True)
def _placed(machine: Machine) -> Iterator[None]:
    """Place the units as the role renders them, with their accounts, and take everything away again."""
    for name, path in UNITS.items():
        unit = (TEMPLATES / f"systemd/system/{name}.service.j2").read_text()
        account = (TEMPLATES / f"sysusers.d/{name}.conf.j2").read_text()
        told = jinja2.Template(unit).render(offboarding_desired=DESIRED)
        machine.root(
            f"printf '%s\\n' {shlex.quote(told)} > {path}; printf '%s\\n' {shlex.quote(account)} > {path}.conf"
        )
        machine.root(f"systemd-sysusers {path}.conf")
    machine.root(
        f"install -d -m 1777 {OPEN}; install -d /etc/haechi/x509; "
        + "; ".join(f"echo secret > {path}; chmod 600 {path}" for path in TLS)
    )
    yield
    machine.root(
        f"rm -rf {' '.join(UNITS.values())} /run/hx-*.conf {' '.join(TLS)} {OPEN} /run/systemd/system/{PROBE}"
        f" /var/lib/haechi-receive /var/lib/haechi-work; userdel haechi-receive; userdel haechi-work;"
        " rmdir --ignore-fail-on-non-empty /etc/haechi/x509; systemctl daemon-reload"
    )


@pytest.mark.parametrize(
    ("unit", "command", "line"),
    [
        ("haechi-receive", f"/usr/bin/touch {OPEN}/receive", "ProtectSystem"),
        ("haechi-receive", "/usr/bin/cat /etc/ssh/ssh_config", "InaccessiblePaths"),
        ("haechi-receive", "/usr/bin/cat /proc/1/comm", "ProtectProc"),
        ("haechi-work", "/usr/bin/ls /home", "ProtectHome"),
    ],
)
def test_the_kernel_keeps_what_the_unit_says(machine: Machine, unit: str, command: str, line: str) -> None:
    """Things that the account itself may do; without that one line the same program succeeds."""
    assert run_as(machine, UNITS[unit], command, without=STAYING)[0] == "exit-code"
    assert run_as(machine, UNITS[unit], command, without=f"{STAYING}|^{line}=")[0] == "success"


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_writes_its_own_folder_and_reads_nobody_else_s(machine: Machine, unit: str) -> None:
    """What lies in it is the other one's to read, and not the receiver's of the worker."""
    (other,) = set(UNITS) - {unit}
    ledger = f"/var/lib/{other}/ledger"
    machine.root(
        f"install -d -m 700 -o {other} -g {other} /var/lib/{other}; echo x > {ledger}; chown {other}: {ledger}"
    )

    assert run_as(machine, UNITS[unit], f"/usr/bin/touch /var/lib/{unit}/own", without=STAYING)[0] == "success"
    assert run_as(machine, UNITS[unit], f"/usr/bin/cat {ledger}", without=STAYING)[0] == "exit-code"
    assert run_as(machine, UNITS[other], f"/usr/bin/cat {ledger}", without=STAYING)[0] == "success"


def test_root_s_files_are_handed_to_the_receiver_alone(machine: Machine) -> None:
    """The TLS key is where systemd puts it, and not where it lies (systemd.exec(5), LoadCredential)."""
    unit, look = UNITS["haechi-receive"], "/usr/bin/grep --quiet --line-regexp secret"

    assert run_as(machine, unit, f"{look} /run/credentials/{PROBE}/tls.key", without=STAYING)[0] == "success"
    assert run_as(machine, unit, f"{look} {TLS[1]}", without=STAYING)[0] == "exit-code"
