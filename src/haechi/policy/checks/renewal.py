"""TLS certificates can be renewed by their hosts: one that cannot ask lives until somebody runs site."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.checks.reach import allowed
from haechi.policy.models import Policy
from haechi.policy.problems import Problem, Where
from haechi.policy.resolve import certified, managed


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield a problem where no flow lets a host with a certificate reach the authority, or the port is taken."""
    if policy.pki is None or policy.pki.host not in managed(policy):
        return
    hosts = certified(policy)
    if not hosts:
        return
    name, port = policy.pki.host, policy.pki.renewal_port
    taken = {policy.sshd.port: "sshd's", policy.revocations.port: "that of the list of who left"}
    if port in taken:
        what = f"port {port} is {taken[port]}, and TLS certificates are renewed on one of its own"
        yield where.problem(("pki", "renewal_port"), what, "name another port")
        return
    target = policy.hosts[name].address
    cut = [host for host in hosts if host != name and not allowed(policy, policy.hosts[host].address, target, port)]
    if cut:
        what = f"{', '.join(cut)} cannot have TLS certificates renewed: no flow to {name} on tcp/{port}"
        mend = f"add a tcp flow from them to {name}, ports [{port}], and a listener there (process systemd)"
        yield where.problem(("flows",), what, mend)
