"""From policy and the lab's own data to machines and networks: pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from haechi.lab import fixture, logs
from haechi.lab.images import BASE_PACKAGES, RELEASE_PACKAGES
from haechi.lab.podman import LabError
from haechi.policy.models import Policy

SERVICE_PACKAGES = {"resolver": "dnsmasq", "time_server": "chrony", "package_cache": "apt-cacher-ng"}


class MachineData(BaseModel):
    """What the lab must know of a machine beyond policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: Literal["trixie", "bookworm"] = "trixie"
    uplink: bool = False
    packages: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    serves: fixture.Part | None = None
    alerts: logs.End | None = None


class LabData(BaseModel):
    """``group_vars/all/lab.yml``: how the lab makes the machines that policy names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machines: dict[str, MachineData] = {}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One container to make."""

    name: str
    container: str
    release: str
    packages: tuple[str, ...]
    legs: dict[str, IPv4Address]
    route: IPv4Address | None
    managed: bool
    gateway: bool
    services: tuple[str, ...]
    keys: tuple[str, ...]
    further: tuple[IPv4Interface, ...] = ()
    serves: fixture.Part | None = None
    partner: IPv4Address | None = None
    alerts: logs.End | None = None
    keeper: IPv4Address | None = None


def read_lab(inventory: Path) -> LabData:
    """Read the lab's data.

    Raises ``LabError`` when the inventory is not a lab.
    """
    path = inventory / "group_vars/all/lab.yml"
    if not path.is_file():
        raise LabError(f"{inventory} is not a lab: {path} is missing, so its hosts are not ours to make")
    return LabData.model_validate(yaml.safe_load(path.read_text())["lab"])


def network_name(policy: Policy, zone: str) -> str:
    """Return the podman network of a zone."""
    return f"haechi-{policy.site.name}-{zone}"


def services_of(policy: Policy, host: str) -> tuple[str, ...]:
    """Return the site's services that a host gives."""
    site = policy.site
    given = {"resolver": site.resolver, "time_server": site.time_server, "package_cache": site.package_cache}
    return tuple(service for service, name in given.items() if name == host)


def gateway_of(policy: Policy, zone: str) -> IPv4Address | None:
    """Return the gateway's address in a zone: every host's only way out of it."""
    for host in policy.hosts.values():
        if host.gateway:
            return host.address if host.zone == zone else host.legs.get(zone)
    return None


def further(policy: Policy, host: str) -> tuple[IPv4Interface, ...]:
    """Return the addresses that a machine has besides one a zone: the VPN's own, on the gateway."""
    vpn = policy.vpn
    if vpn is None or vpn.address is None or vpn.host != host:
        return ()
    return (IPv4Interface((vpn.address, policy.zones[vpn.zone].cidr.prefixlen)),)


def machines(policy: Policy, lab: LabData) -> tuple[Machine, ...]:
    """Return the containers of a site, the gateways first."""
    made = [_machine(policy, lab, name) for name in policy.hosts]
    return tuple(sorted(made, key=lambda machine: not machine.gateway))


def _machine(policy: Policy, lab: LabData, name: str) -> Machine:
    host, data = policy.hosts[name], lab.machines.get(name, MachineData())
    services = services_of(policy, name)
    legs = {network_name(policy, zone): address for zone, address in {host.zone: host.address, **host.legs}.items()}
    extra = {*data.packages, *(SERVICE_PACKAGES[service] for service in services)}
    extra |= {fixture.PACKAGES[data.serves]} if data.serves else set()
    extra |= {logs.PACKAGE} if data.alerts else set()
    # Debian allows one time daemon: chrony where time is served, timesyncd elsewhere.
    extra |= set() if "time_server" in services else {"systemd-timesyncd"}
    return Machine(
        name=name,
        container=f"haechi-{policy.site.name}-{name}",
        release=data.release,
        packages=tuple(sorted({*BASE_PACKAGES, *RELEASE_PACKAGES.get(data.release, ()), *extra})),
        legs=legs,
        route=None if data.uplink else gateway_of(policy, host.zone),
        managed=host.managed,
        gateway=host.gateway,
        services=services,
        keys=data.keys,
        further=further(policy, name),
        serves=data.serves,
        partner=_partner(policy, lab, data.serves),
        alerts=data.alerts,
        keeper=next(
            (policy.hosts[other].address for other, one in lab.machines.items() if one.alerts == "keeps"), None
        ),
    )


def _partner(policy: Policy, lab: LabData, serves: fixture.Part | None) -> IPv4Address | None:
    """Return where the other half of the lab's service is."""
    others = [name for name, data in lab.machines.items() if data.serves not in {None, serves}]
    return policy.hosts[others[0]].address if serves and others else None
