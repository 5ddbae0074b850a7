"""The TLS certificates of one host: those that policy declares, and those that recorder and receiver speak with."""

from __future__ import annotations

from haechi.pki.trust import Trust
from haechi.policy.models import Host, Policy
from haechi.policy.recording import Leaf
from haechi.policy.resolve import EDGE_LEAF, RECEIVER_LEAF, RECORDER_LEAF, VPN_LEAF, certified, managed

# Who speaks TLS: everywhere the tunnel, on a log host of Debian 13 the recorder itself.
TUNNEL, RECORDER = "haechi-recorder-tls.service", "haechi-recorder.service"
RECEIVER, EDGE = "haechi-receive.service", "haproxy.service"
VPN = ("haechi-vpn@udp.service", "haechi-vpn@tcp.service")
FOLDER = "/etc/haechi/x509"


def wanted(policy: Policy) -> bool:
    """Return whether anybody needs a TLS certificate."""
    return bool(certified(policy))


def build(policy: Policy, host: str, trust: Trust) -> dict[str, object]:
    """Return the leaves of a host, who signs them, and by what a peer's certificate is judged."""
    if policy.pki is None:
        return {"authority": None, "root": "", "issuing": "", "days": 0, "leaves": [], "renewal": None}
    return {
        "authority": policy.pki.host,
        "root": trust.x509_root,
        "issuing": trust.x509_issuing,
        "days": policy.pki.leaf_days,
        "leaves": [_row(policy, leaf) for leaf in of(policy, host)],
        "renewal": {"address": str(policy.hosts[policy.pki.host].address), "port": policy.pki.renewal_port},
    }


def renewal(policy: Policy) -> dict[str, object] | None:
    """Return what the authority signs anew for hosts that ask by themselves; None where nobody has a certificate."""
    if policy.pki is None or not wanted(policy):
        return None
    words = ("name", "names", "addresses", "use")
    rows = [(host, _row(policy, leaf)) for host in managed(policy) for leaf in of(policy, host)]
    return {
        "address": str(policy.hosts[policy.pki.host].address),
        "port": policy.pki.renewal_port,
        "days": policy.pki.leaf_days,
        "leaves": [{"host": host, **{word: row[word] for word in words}} for host, row in rows],
    }


def of(policy: Policy, host: str) -> tuple[Leaf, ...]:
    """Return the leaves of a host."""
    declared = policy.pki.leaves if policy.pki is not None else ()
    made = (*_received(policy), *_edge(policy), *_tunnelled(policy))
    own = [leaf for leaf in (*declared, *made) if leaf.host == host]
    if policy.recorder is None:
        return tuple(own)
    keeps = policy.recorder.host == host
    use, units = ("server", (RECORDER, TUNNEL)) if keeps else ("client", (TUNNEL,))
    return (Leaf(name=RECORDER_LEAF, host=host, use=use, reload=units), *own)


def _received(policy: Policy) -> tuple[Leaf, ...]:
    """Return the certificate with which the HR receiver answers, where one listens."""
    if policy.hr is None or policy.hr.receiver is None:
        return ()
    # It takes a new certificate by starting anew: the socket is systemd's, and stays open meanwhile.
    return (Leaf(name=RECEIVER_LEAF, host=policy.hr.receiver, names=policy.hr.names, reload=(RECEIVER,)),)


def _edge(policy: Policy) -> tuple[Leaf, ...]:
    """Return the certificates of the pair: for what it answers to, and for what the two tell each other."""
    if policy.edge is None:
        return ()
    names = tuple(sorted({name for service in policy.edge.services.values() for name in service.names}))
    both = {"name": EDGE_LEAF, "names": names, "addresses": (policy.edge.address,), "use": "both", "reload": (EDGE,)}
    return tuple(Leaf.model_validate({**both, "host": host}) for host in policy.edge.hosts)


def _tunnelled(policy: Policy) -> tuple[Leaf, ...]:
    """Return the certificate with which the VPN answers, where there is one."""
    if policy.vpn is None:
        return ()
    names = (policy.vpn.name,) if policy.vpn.name else ()
    return (Leaf(name=VPN_LEAF, host=policy.vpn.host, names=names, reload=VPN),)


def _row(policy: Policy, leaf: Leaf) -> dict[str, object]:
    here: Host = policy.hosts[leaf.host]
    addresses = [here.address, *here.legs.values(), *([here.address6] if here.address6 else []), *leaf.addresses]
    return {
        "name": leaf.name,
        "names": sorted({leaf.host, *leaf.names}),
        "addresses": sorted({str(address) for address in addresses}),
        "user": leaf.user,
        "use": leaf.use,
        "path": f"{FOLDER}/{leaf.name}",
        "reload": list(leaf.reload),
    }
