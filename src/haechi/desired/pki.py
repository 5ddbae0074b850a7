"""What the authority's host must be: where the keys lie, and which hosts get a certificate with which names."""

from __future__ import annotations

from haechi.desired import leaves
from haechi.pki.trust import Trust
from haechi.policy.models import Policy
from haechi.policy.resolve import managed

FOLDER = "/etc/haechi/pki"


def build(policy: Policy, host: str, trust: Trust) -> dict[str, object]:
    """Return the authority's part of a host; ``here`` is false everywhere else, and where there is none at all."""
    if policy.pki is None or policy.pki.host != host:
        return {"schema": 1, "here": False, "host_ca": trust.host_ca}
    return {
        "schema": 1,
        "here": True,
        "host_ca": trust.host_ca,
        "folder": FOLDER,
        "site": policy.site.name,
        "host_days": policy.pki.host_days,
        "x509": {"root": trust.x509_root, "issuing": trust.x509_issuing} if leaves.wanted(policy) else None,
        "renewal": leaves.renewal(policy),
        "people": _people(policy, host),
        "hosts": [{"name": name, "principals": _names(policy, name)} for name in managed(policy)],
    }


def _people(policy: Policy, host: str) -> dict[str, object] | None:
    """Return what the authority of the VPN's people needs; None where there is no VPN."""
    if policy.vpn is None:
        return None
    address = str(policy.hosts[host].address)
    return {"site": policy.site.name, "crl_days": policy.vpn.crl_days, "address": address, "port": policy.vpn.crl_port}


def _names(policy: Policy, name: str) -> list[str]:
    """Return what a client may call a host: its name and its addresses."""
    host = policy.hosts[name]
    more = [*host.legs.values(), *([host.address6] if host.address6 else [])]
    return [name, str(host.address), *map(str, more)]
