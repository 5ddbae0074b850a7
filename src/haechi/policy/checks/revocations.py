"""The signed list of who left can be fetched: a host that cannot would soon refuse its people."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.checks.reach import allowed
from haechi.policy.models import Policy
from haechi.policy.problems import Problem, Where
from haechi.policy.resolve import managed


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield a problem where no flow lets hosts reach the list, or another service has its port."""
    if policy.pki is None or policy.pki.host not in managed(policy):
        return
    name, port = policy.pki.host, policy.revocations.port
    if not policy.zones[policy.hosts[name].zone].management:
        return  # told by the check of pki
    if port == policy.sshd.port:
        what = f"port {port} is sshd's, and the list of who left is served on one of its own"
        yield where.problem(("revocations", "port"), what, "name another port")
        return
    target = policy.hosts[name].address
    cut = [
        host
        for host in managed(policy)
        if host != name and not allowed(policy, policy.hosts[host].address, target, port)
    ]
    if cut:
        what = f"{', '.join(cut)} cannot fetch the list of who left: no flow to {name} on tcp/{port}"
        mend = f"add a tcp flow from them to {name}, ports [{port}], and a listener there (process systemd)"
        yield where.problem(("flows",), what, mend)
