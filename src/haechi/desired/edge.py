"""The edge on one host of the pair: what its configuration is made of, and what a look at it must find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from haechi.policy.edge import Edge, Exclusion
from haechi.policy.models import Policy
from haechi.policy.resolve import EDGE_LEAF, KST

LEAF, PEM = f"/etc/haechi/x509/{EDGE_LEAF}", "/etc/haechi/edge/tls.pem"
PACKAGES = ("haproxy", "keepalived", "nginx", "libnginx-mod-http-modsecurity", "modsecurity-crs", "logrotate")
SUITES13 = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")
# Authenticated and with forward secrecy; certificates of the site's authority are ECDSA's.
SUITES12 = ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305")
# Numbers below 100000 are for a site's own rules (CRS, "Rule ID ranges").
FIRST_EXCLUSION = 10001
PRIORITIES = (150, 100)


def build(policy: Policy, host: str) -> dict[str, Any] | None:
    """Return what templates and a look at the host read; None on a host that is no edge."""
    edge = policy.edge
    if edge is None or host not in edge.hosts:
        return None
    services = [_service(policy, edge, name) for name in edge.services]
    return {
        "schema": 1,
        "packages": [*PACKAGES],
        "address": str(edge.address),
        "prefix": policy.zones[policy.hosts[host].zone].cidr.prefixlen,
        "here": _end(policy, edge, host),
        "peer": _end(policy, edge, next(name for name in edge.hosts if name != host)),
        **{word: getattr(edge, word) for word in ("port", "peers_port", "local_port", "virtual_router")},
        "suites13": [*SUITES13],
        "suites12": [*SUITES12],
        "tls12_ends": _ends(edge.tls12_until) if edge.tls12_until is not None else None,
        "links": {PEM: f"{LEAF}.pem", f"{PEM}.key": f"{LEAF}.key"},
        "pem": PEM,
        "methods": [*edge.methods],
        "content_types": [*edge.content_types],
        "limits": edge.limits.model_dump(),
        "services": services,
        "names": sorted(name for service in services for name in service["names"]),
        "exclusions": [*_exclusions(edge)],
    }


def asked(desired: Any) -> dict[str, Any]:
    """Return what a look at the host must know of its edge; nothing where it is none."""
    if not isinstance(desired, dict):
        return {}
    limits = {word: desired["limits"][word] for word in ("source_connections", "source_requests", "body_kib")}
    where = {"port": desired["local_port"], "name": desired["names"][0]}
    return {**where, "address": desired["address"], "here": desired["here"]["address"], **limits}


def _end(policy: Policy, edge: Edge, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "address": str(policy.hosts[name].address),
        "priority": PRIORITIES[edge.hosts.index(name)],
    }


def _service(policy: Policy, edge: Edge, name: str) -> dict[str, Any]:
    service = edge.services[name]
    address = str(policy.hosts[service.host].address)
    return {"name": name, "names": [*service.names], "address": address, "port": service.port}


def _exclusions(edge: Edge) -> Iterator[dict[str, Any]]:
    rows = [(service.names, one) for service in edge.services.values() for one in service.exclusions]
    for number, (names, one) in enumerate(rows, FIRST_EXCLUSION):
        hosts = f"^(?:{'|'.join(map(re.escape, names))})$"
        said = {"id": one.id, "number": number, "hosts": hosts, "path": one.path, "action": _action(one)}
        yield {**said, "ends": _ends(one.until)}


def _action(one: Exclusion) -> str:
    if one.argument is None:
        return f"ruleRemoveById={one.rule}"
    return f"ruleRemoveTargetById={one.rule};ARGS:{one.argument}"


def _ends(last: date) -> int:
    """Return the second, since 1970, with which the last day has passed."""
    return int(datetime.combine(last + timedelta(days=1), time(), KST).timestamp())
