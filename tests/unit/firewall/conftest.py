"""A small site: three zones and a gateway with a leg in each, a bastion, two web servers, a laptop outside."""

from __future__ import annotations

from collections.abc import Mapping

from haechi.desired.firewall import build
from haechi.policy.models import Policy

SITE: dict[str, object] = {
    "name": "small",
    "title": "A small site",
    "banner": "Authorised use only.\n",
    "control_node": "10.9.4.1",
    "bastion": "ops",
}
ZONES: dict[str, dict[str, object]] = {
    "outside": {"title": "Beyond", "cidr": "10.9.0.0/24"},
    "dmz": {"title": "Edge", "cidr": "10.9.1.0/24"},
    "mgmt": {"title": "Management", "cidr": "10.9.4.0/24", "management": True},
}
HOSTS: dict[str, dict[str, object]] = {
    "gw": {
        "zone": "mgmt",
        "address": "10.9.4.2",
        "gateway": True,
        "legs": {"outside": "10.9.0.2", "dmz": "10.9.1.2"},
    },
    "web": {"zone": "dmz", "address": "10.9.1.11"},
    "web2": {"zone": "dmz", "address": "10.9.1.12"},
    "ops": {"zone": "mgmt", "address": "10.9.4.11"},
    "laptop": {"zone": "outside", "address": "10.9.0.11", "managed": False},
}


def flow(source: list[str], target: list[str], **more: object) -> dict[str, object]:
    """Return one flow, TCP 443 unless told otherwise."""
    return {"name": "talk", "from": source, "to": target, "ports": [443], "reason": "They talk"} | more


def policy(*flows: Mapping[str, object], site: Mapping[str, object] | None = None, **changes: object) -> Policy:
    """Return the small site's policy with these flows and with some of its parts changed."""
    document: dict[str, object] = {
        "identities": [{"id": "ann", "name": "Ann", "jobs": ["operator"]}],
        "jobs": {"operator": {"title": "Keeps servers running", "hosts": ["all"]}},
        "zones": ZONES,
        "hosts": HOSTS,
        "flows": flows,
        "listeners": [],
    }
    return Policy.model_validate(document | changes | {"site": SITE | dict(site or {})})


def text(made: Policy, host: str) -> str:
    """Return the ruleset of one host."""
    return str(build(made, host, frozenset())["ruleset"])


def chain(ruleset: str, name: str) -> list[str]:
    """Return the lines of one chain of our own table, without its type; nothing if there is no such chain."""
    lines = ruleset.splitlines()
    if f"  chain {name} {{" not in lines:
        return []
    first = lines.index(f"  chain {name} {{") + 2
    return [line.strip() for line in lines[first : lines.index("  }", first)]]


def talk(ruleset: str, name: str) -> list[str]:
    """Return the lines of one chain that the flow ``talk`` brought."""
    return [line for line in chain(ruleset, name) if "talk" in line]
