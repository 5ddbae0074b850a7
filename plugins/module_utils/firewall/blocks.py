"""Timed blocks: addresses that one table refuses until their time is over."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

Network = IPv4Network | IPv6Network
TABLE = ("inet", "haechi_block")


def blockable(text: str, never: Iterable[str]) -> Network:
    """Return the network to block.

    Raises ``ValueError`` for what is no network, and for one that holds or is held by a management network.
    """
    network = ip_network(text)
    for name in never:
        protected = ip_network(name)
        if network.version == protected.version and network.overlaps(protected):
            raise ValueError(f"{text} is never blocked: it overlaps the management network {name}")
    return network


def set_of(network: Network) -> str:
    """Return the set that holds networks of this IP version."""
    return f"block{network.version}"


def elements(listing: str) -> dict[str, int]:
    """Return network -> seconds left of ``nft -j list set`` output; one without an end has 0 left to count."""
    found: dict[str, int] = {}
    for item in json.loads(listing)["nftables"]:
        for element in item.get("set", {}).get("elem", []):
            # An element is its bare value, or with its time an object around it (libnftables-json(5)).
            timed = isinstance(element, dict) and "elem" in element
            inner = element["elem"] if timed else {"val": element}
            found[_name(inner["val"])] = int(inner.get("expires", 0))
    return found


def _name(value: Any) -> str:
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict) and "range" in value:
        return "-".join(value["range"])
    return str(ip_network(str(value)))
