"""Networks and containers: make, look, remove; only what carries the lab's label."""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import IPv4Address

from haechi.desired import firewall
from haechi.lab import podman
from haechi.lab.limits import Limits
from haechi.lab.podman import LabError
from haechi.lab.topology import Machine, network_name
from haechi.policy.models import Policy

# Never --privileged: a hardening role would write the sysctls of the developer's own kernel.
CAPABILITIES = "NET_ADMIN,NET_RAW,AUDIT_WRITE,AUDIT_CONTROL,SYS_PTRACE,MKNOD"
BOOT_SECONDS = 60
READY = {"running", "degraded"}
HALF_MADE = {"created", "configured", "initialized"}
WHOSE = "haechi.keys"


@dataclass(frozen=True)
class Found:
    """A container that stands already: its state, and whose keys it was born with."""

    state: str
    whose: str


def uplink_name(policy: Policy) -> str:
    """Return the one network with a way out."""
    return f"haechi-{policy.site.name}-uplink"


def make_networks(policy: Policy) -> None:
    """Make an internal network for each zone, the control node at its first address, and the uplink."""
    have = {entry.get("name") or entry.get("Name") for entry in podman.listing("network", "ls")}
    label = ("--label", f"haechi.site={policy.site.name}")
    for zone, data in policy.zones.items():
        if network_name(policy, zone) not in have:
            where = ("--subnet", str(data.cidr), "--gateway", str(data.cidr.network_address + 1))
            flags = ("--internal", "--disable-dns", *where)
            podman.run("network", "create", *label, *flags, network_name(policy, zone))
    if uplink_name(policy) not in have:
        podman.run("network", "create", *label, "--disable-dns", uplink_name(policy))


def arguments(policy: Policy, machine: Machine, limits: Limits, dns: tuple[str, ...]) -> list[str]:
    """Return podman's arguments that make a machine: systemd as PID 1, unprivileged."""
    flags = ["create", "--name", machine.container, "--hostname", machine.name]
    flags += ["--label", f"haechi.site={policy.site.name}", "--runtime", limits.runtime, "--systemd=always"]
    flags += ["--cap-add", CAPABILITIES, "--device", "/dev/net/tun"]
    flags += ["--ulimit", f"nofile={limits.nofile}:{limits.nofile}", "--ulimit", f"nproc={limits.nproc}:{limits.nproc}"]
    for network, address in machine.legs.items():
        flags += ["--network", f"{network}:ip={address},mac={hardware(address)}"]
    if machine.route is None:
        flags += ["--network", uplink_name(policy)]
    # Where a container engine runs, forwarding is on; the engine's own doing on a real host.
    if machine.gateway or policy.hosts[machine.name].containers:
        flags += ["--sysctl", "net.ipv4.ip_forward=1"]
    if firewall.proxied(policy, machine.name):
        flags += ["--sysctl", "net.netfilter.nf_conntrack_tcp_loose=0"]
    for server in dns:
        flags += ["--dns", server]
    return flags


def hardware(address: IPv4Address) -> str:
    """Return a machine's own hardware address, the same after each restart: neighbours keep the old one for minutes."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0, *address.packed))


def start(machine: Machine, flags: list[str], image: str, seed: bytes, whose: str) -> None:
    """Make, seed and start a machine, in the place of any that has its name."""
    podman.run(*flags, "--replace", "--label", f"{WHOSE}={whose}", image, "/sbin/init")
    podman.run("cp", "-", f"{machine.container}:/", stdin=seed)
    podman.run("start", machine.container)


def wait(machine: Machine) -> str:
    """Wait until systemd has booted; return its state.

    Raises ``LabError`` with the failed units when it does not come up.
    """
    deadline = time.monotonic() + BOOT_SECONDS
    state = "unknown"
    while time.monotonic() < deadline:
        state = state_of(machine)
        if state in READY:
            break
        time.sleep(0.3)
    if state != "running":
        failed = podman.run("exec", machine.container, "systemctl", "--failed", "--no-legend", "--plain")
        raise LabError(f"{machine.name} came up {state}: {failed.strip() or 'no unit failed'}")
    return state


def found(site: str) -> dict[str, Found]:
    """Return the site's containers by name."""
    rows = podman.listing("ps", "--all", "--filter", f"label=haechi.site={site}")
    return {row["Names"][0]: Found(row["State"], (row["Labels"] or {}).get(WHOSE, "")) for row in rows}


def todo(known: Found | None, whose: str) -> str:
    """Return what a machine needs: to be made, to be started, or nothing.

    One whose making was broken off was never started; one with other keys is another checkout's.
    """
    if known is None or known.whose != whose or known.state in HALF_MADE:
        return "make"
    return "nothing" if known.state == "running" else "start"


def state_of(machine: Machine) -> str:
    """Return what systemd says of itself, or ``absent`` and ``stopped`` where there is no systemd to ask."""
    found = podman.listing("ps", "--all", "--filter", f"name=^{machine.container}$")
    if not found:
        return "absent"
    if found[0]["State"] != "running":
        return "stopped"
    # systemctl exits non-zero for every state but `running`.
    answer = podman.run("exec", machine.container, "sh", "-c", "systemctl is-system-running || true")
    return answer.strip() or "starting"


def remove(site: str) -> list[str]:
    """Remove the containers and networks that carry the site's label; return their names."""
    machines = podman.labelled("container", site)
    if machines:
        podman.run("rm", "--force", "--time", "0", *machines)
    networks = podman.labelled("network", site)
    if networks:
        podman.run("network", "rm", "--force", *networks)
    return [*machines, *networks]
