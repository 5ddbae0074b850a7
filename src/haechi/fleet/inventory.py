"""A site of many hosts behind one bastion, written as the files that any site has."""

from __future__ import annotations

from datetime import date
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import yaml

# No real site should be called this: its state folder is removed with it.
SITE = "fleet-bench"
LEAVER, COLLEAGUE, OWNER, AUTOMATION = "kim", "kim2", "lee", "haechi"
BASTION = "bastion"
NETWORK = IPv4Network("10.76.0.0/20")
# For documentation (RFC 5737): nobody is there.
OFFICE = "192.0.2.0/24"
FEWEST, MOST = 2, 1000
_FIRST = 11
CONNECTION: dict[str, Any] = {
    "ansible_user": AUTOMATION,
    "ansible_become": True,
    "ansible_ssh_common_args": "-F '{{ inventory_dir }}/.ssh_config'",
    "ansible_pipelining": True,
    "haechi_sentinel_key": f"{{{{ inventory_dir }}}}/../../.lab/{SITE}/keys/sentinel",
    "ansible_control_path": "%(directory)s/%%C",
}


def hosts(count: int) -> tuple[str, ...]:
    """Return the names of a fleet of ``count`` machines, the bastion first.

    Raises ``ValueError`` for fewer than two, a bastion and something behind it, or more than there are addresses for.
    """
    if not FEWEST <= count <= MOST:
        raise ValueError(f"{count} hosts: a fleet has {FEWEST} to {MOST}")
    return (BASTION, *(f"h{number:03}" for number in range(1, count)))


def policy(count: int) -> dict[str, dict[str, Any]]:
    """Return what each policy file says, by its name."""
    names = hosts(count)
    return {
        "site": {"site": _site()},
        "identities": {"identities": _identities()},
        "access": {"jobs": _jobs()},
        "sshd": {"sshd": {"jump_hosts": [BASTION]}},
        # What is measured is how fast somebody is shut out, and keys alone open the sessions to be ended.
        "mfa": {"mfa": {"enrol_until": date(2099, 12, 31)}},
        "network": {
            "zones": {"mgmt": {"title": "The fleet", "cidr": str(NETWORK), "management": True}},
            "servers": {
                name: {"zone": "mgmt", "address": str(NETWORK.network_address + _FIRST + number)}
                for number, name in enumerate(names)
            },
            "flows": _flows(names),
            "listeners": [{"hosts": ["all"], "port": 22, "process": "sshd", "reason": "Administration"}],
        },
    }


def write(folder: Path, count: int) -> None:
    """Write the inventory of a fleet; that of a smaller one grows, what the lab wrote into it stays.

    Raises ``ValueError`` as ``hosts`` does.
    """
    files, everyone = policy(count), folder / "group_vars/all"
    (everyone / "policy").mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        _dump(everyone / f"policy/{name}.yml", data)
    _dump(everyone / "connection.yml", CONNECTION)
    _dump(everyone / "lab.yml", {"lab": {"machines": {}}})
    _dump(folder / "hosts.yml", {"all": {"children": {"managed": {"hosts": dict.fromkeys(hosts(count))}}}})


def _dump(path: Path, data: dict[str, Any]) -> None:
    path.write_text("---\n" + yaml.safe_dump(data, sort_keys=False, width=120), encoding="utf-8")


def _site() -> dict[str, Any]:
    return {
        "name": SITE,
        "title": "A fleet to measure on",
        "banner": "Authorised use only.",
        "control_node": str(NETWORK.network_address + 1),
        "bastion": BASTION,
    }


def _identities() -> list[dict[str, Any]]:
    return [
        {"id": AUTOMATION, "kind": "automation", "name": "Playbooks", "owner": OWNER, "jobs": ["automation"]},
        {"id": "sentinel", "kind": "sentinel", "name": "Login canary", "owner": OWNER, "jobs": ["canary"]},
        {"id": OWNER, "name": "Lee", "jobs": ["operator"]},
        {"id": LEAVER, "name": "Kim", "jobs": ["operator"]},
        # Whose name begins with the leaver's: a sweep by a part of a name would take her along.
        {"id": COLLEAGUE, "name": "Kim the second", "jobs": ["operator"]},
    ]


def _jobs() -> dict[str, Any]:
    return {
        "automation": {
            "title": "Runs the playbooks",
            "hosts": ["all"],
            "sudo": [{"commands": ["ALL"], "nopasswd": True}],
        },
        "canary": {"title": "Proves that a login works, and has no rights", "hosts": ["all"]},
        "operator": {
            "title": "Keeps the servers running",
            "hosts": ["all"],
            "groups": ["adm", "systemd-journal"],
            "sudo": [{"commands": ["/usr/bin/systemctl --no-pager --failed"], "nopasswd": True}],
        },
    }


def _flows(names: tuple[str, ...]) -> list[dict[str, Any]]:
    control = f"{NETWORK.network_address + 1}/32"
    return [
        {"name": "control-to-bastion", "from": [control], "to": [BASTION], "ports": [22], "reason": "Administration"},
        {
            "name": "people",
            "from": [OFFICE],
            "to": [BASTION],
            "ports": [22],
            "reason": "Operators come from the office",
        },
        {
            "name": "bastion-to-fleet",
            "from": [BASTION],
            "to": list(names[1:]),
            "ports": [22],
            "reason": "Administration goes through the bastion and nowhere else",
        },
    ]
