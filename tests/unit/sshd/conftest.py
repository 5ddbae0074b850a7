"""A small site: a bastion, a gateway, a database; a robot, an operator, an auditor, a leaver."""

from __future__ import annotations

from collections.abc import Mapping

from haechi.policy.models import Policy

SITE: dict[str, object] = {
    "name": "small",
    "title": "A small site",
    "banner": "Authorised use only.\n",
    "control_node": "10.1.0.1",
    "bastion": "bastion",
}
IDENTITIES = [
    {"id": "robot", "kind": "automation", "name": "Playbooks", "owner": "ann", "jobs": ["automation"]},
    {"id": "ann", "name": "Ann", "jobs": ["operator"]},
    {"id": "carol", "name": "Carol", "jobs": ["auditor"]},
    {"id": "dan", "name": "Dan", "state": "disabled", "since": "2026-09-30", "jobs": ["operator"]},
]
JOBS = {
    "automation": {"title": "Runs playbooks", "hosts": ["all"], "sudo": [{"commands": ["ALL"], "nopasswd": True}]},
    "operator": {"title": "Keeps servers running", "hosts": ["all"]},
    "auditor": {"title": "Reads logs", "hosts": ["bastion"]},
}
ZONES = {
    "mgmt": {"title": "Management", "cidr": "10.1.0.0/24", "management": True},
    "data": {"title": "Database", "cidr": "10.2.0.0/24"},
}
HOSTS = {
    "bastion": {"zone": "mgmt", "address": "10.1.0.10"},
    "gw": {"zone": "mgmt", "address": "10.1.0.2", "gateway": True, "legs": {"data": "10.2.0.2"}},
    "db": {"zone": "data", "address": "10.2.0.10"},
    "laptop": {"zone": "mgmt", "address": "10.1.0.99", "managed": False},
}


def policy(site: Mapping[str, object] | None = None, **changes: object) -> Policy:
    """Return the small site's policy with some of its parts changed."""
    document: dict[str, object] = {
        "identities": IDENTITIES,
        "jobs": JOBS,
        "zones": ZONES,
        "hosts": HOSTS,
        "flows": [],
        "listeners": [],
        "sshd": {"jump_hosts": ["bastion"]},
    }
    return Policy.model_validate(document | changes | {"site": SITE | dict(site or {})})
