"""The machine as a gateway between two networks that it holds in itself, by an inventory made of this tier's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from .machine import INVENTORY, NAME, ROOT

GATEWAY = INVENTORY.with_name("gateway_inventory")
SERVICE = ROOT / "molecule/ids/fixture/service.py"
OPEN, CLOSED, UNDECLARED = 8091, 8092, 8093
# Its side of each network, and the one host there.
ENDS = {"left": ("10.79.50.1", "10.79.50.2"), "right": ("10.79.60.1", "10.79.60.2")}
NETWORK = {
    "zones": {
        "left": {"title": "Who asks", "cidr": "10.79.50.0/24"},
        "right": {"title": "Who answers", "cidr": "10.79.60.0/24"},
    },
    "servers": {
        NAME: {"gateway": True, "legs": {name: ends[0] for name, ends in ENDS.items()}},
        **{f"{name}1": {"zone": name, "address": ends[1], "managed": False} for name, ends in ENDS.items()},
    },
    "flows": [
        {
            "name": "questions",
            "from": ["left1"],
            "to": ["right1"],
            "ports": [OPEN, CLOSED],
            "reason": "What is inspected",
        }
    ],
}
PAIRS = [
    {"from": "left", "to": "right", "ports": [OPEN], "mode": "inline", "fail": "open"},
    {"from": "left", "to": "right", "ports": [CLOSED], "mode": "inline", "fail": "closed"},
]
IDS = {"ids": {"hosts": [NAME], "owner": "ann", "inside": ["right", "mgmt"], "pairs": PAIRS}}
# A network of the kernel's own for each end, and the service in the one that answers.
WIRES = """
ip netns add @; ip link add hx-@ type veth peer name eth0 netns @
ip address add {0}/24 dev hx-@; ip link set hx-@ up
ip -n @ address add {1}/24 dev eth0; ip -n @ link set eth0 up; ip -n @ link set lo up
ip -n @ route add default via {0}
"""
ANSWERS = (
    "systemd-run --quiet --unit=hx-answers --property=NetworkNamespacePath=/run/netns/right"
    f" python3 /root/hx-service.py {OPEN} {CLOSED} {UNDECLARED}"
)


def inventory() -> Path:
    """Write the inventory in which the machine is a gateway that inspects, beside this tier's; return it."""
    shutil.copytree(INVENTORY, GATEWAY, dirs_exist_ok=True)
    policy = GATEWAY / "group_vars/all/policy"
    network = yaml.safe_load((policy / "network.yml").read_text())
    for name, host in NETWORK["servers"].items():
        network["servers"].setdefault(name, {}).update(host)
    network["zones"] |= NETWORK["zones"]
    network["flows"] += NETWORK["flows"]
    (policy / "network.yml").write_text(yaml.safe_dump(network))
    (policy / "ids.yml").write_text(yaml.safe_dump(IDS))
    hosts = yaml.safe_load((GATEWAY / "hosts.yml").read_text())
    hosts["all"]["children"]["unmanaged"] = {"hosts": {f"{name}1": None for name in ENDS}}
    (GATEWAY / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return GATEWAY


def wires() -> str:
    """Return the script that makes both networks and has the service answer in one of them."""
    return "".join(WIRES.replace("@", name).format(*ends) for name, ends in ENDS.items()) + ANSWERS
