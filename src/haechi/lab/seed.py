"""The files a machine is born with: what a cloud image and a site's own network would give it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from haechi import authenticator
from haechi.lab import fixture, logs
from haechi.lab.topology import Machine
from haechi.policy.models import Policy
from haechi.sshconfig import automation_id

NETWORK_UNIT = """\
[Unit]
Description={what} of the lab
Before=network.target
After=systemd-tmpfiles-setup.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={command}

[Install]
WantedBy=multi-user.target
"""
ROUTE = "ip route replace default via {address}"
# A gateway's second address on one line outwards; podman gives a machine one in each network.
INTERFACE = "$(ip -oneline route show {address.network} | sed 's/.* dev //; s/ .*//')"
ADDRESS = f'sh -c "ip address replace {{address}} dev {INTERFACE}"'
# chronyd -x serves time without setting it: a container must not move its machine's clock.
CHRONY = "allow\nlocal stratum 10\ncmdport 0\n"
# systemd 252 in a container on a hybrid cgroup tree is never told that a user's last process ended, and keeps that
# user's next login waiting for minutes.
USER_UNIT = "[Service]\nTimeoutStopSec=1s\n"
MANAGER = "[Manager]\nDefaultTimeoutStopSec=1s\n"
LOGIND = "[Login]\nUserStopDelaySec=infinity\n"
CHRONY_UNIT = "[Unit]\nConditionCapability=\n"
# In the place of the devices that people would plug in.
AGENT_SOCKET, AGENT_PROGRAM = "/run/authenticator", "/usr/local/lib/authenticator.py"
# The interface of a person's tunnel: the laptop has several, and a route leads into one of them.
TUNNEL = "vpn-{}"
AGENT_UNIT = """\
[Unit]
Description=Security keys of the lab's people, in software

[Service]
ExecStart=/usr/bin/python3 {program} {socket} {keys}
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Seed:
    """One file to place, by its path."""

    content: str
    mode: int = 0o644
    target: str | None = None


def seeds(policy: Policy, machine: Machine, lab: Path, upstream: tuple[str, ...]) -> dict[str, Seed]:
    """Return the files of a machine by absolute path; ``lab`` is the folder of secrets."""
    folder = lab / "hostkeys" / machine.name
    files = {
        "/etc/ssh/ssh_host_ed25519_key": Seed((folder / "ssh_host_ed25519_key").read_text(), 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": Seed((folder / "ssh_host_ed25519_key.pub").read_text()),
    }
    if machine.route is not None:
        files |= _enabled("lab-route.service", _network_unit("Default route", ROUTE, machine.route))
    for own in machine.further:
        files |= _enabled("lab-address.service", _network_unit("Further address", ADDRESS, own))
    if machine.serves and machine.partner:
        files |= _fixture(machine, machine.partner, (lab / "keys/ekyc_database").read_text().strip())
    files |= alerts(machine, lab)
    if machine.managed:
        key = (lab / "keys" / f"{automation_id(policy)}.pub").read_text()
        files["/root/.ssh/authorized_keys"] = Seed(key, 0o600)
    if machine.release == "bookworm":
        files["/etc/systemd/system/user@.service.d/lab.conf"] = Seed(USER_UNIT)
        files["/etc/systemd/system.conf.d/lab.conf"] = Seed(MANAGER)
        files["/etc/systemd/logind.conf.d/lab.conf"] = Seed(LOGIND)
    if policy.site.package_cache and machine.managed:
        address = policy.hosts[policy.site.package_cache].address
        files["/etc/apt/apt.conf.d/00proxy"] = Seed(f'Acquire::http::Proxy "http://{address}:3142";\n')
    for service in machine.services:
        files.update(_service(policy, service, upstream))
    if machine.keys:
        files.update(_laptop(policy, machine, lab))
    return files


def _network_unit(what: str, command: str, address: IPv4Address) -> str:
    """Return a unit that runs a command about an address before the network counts as up."""
    return NETWORK_UNIT.format(what=what, command=command.format(address=address))


def _enabled(unit: str, content: str) -> dict[str, Seed]:
    """Return a unit that starts at boot."""
    path = f"/etc/systemd/system/{unit}"
    return {path: Seed(content), f"/etc/systemd/system/multi-user.target.wants/{unit}": Seed("", target=path)}


def _fixture(machine: Machine, partner: IPv4Address, password: str) -> dict[str, Seed]:
    address = str(next(iter(machine.legs.values())))
    if machine.serves == "application":
        unit, made = "ekyc.service", fixture.application(address, str(partner), password)
    else:
        made = fixture.database(address, str(partner), password, machine.release)
        unit = "ekyc-database.service"
    found = {path: Seed(content, mode) for path, (content, mode) in made.items()}
    return found | _enabled(unit, found[f"{fixture.UNITS}/{unit}"].content)


def alerts(machine: Machine, lab: Path) -> dict[str, Seed]:
    """Return the files of a machine that sends or keeps what Suricata tells; none of another."""
    if machine.alerts is None or machine.keeper is None:
        return {}
    own = [name.format(machine.alerts) for name in logs.FILES]
    files = {f"{logs.FOLDER}/{name}": Seed((lab / logs.SECRETS / name).read_text(), 0o600) for name in own}
    files[f"{logs.FOLDER}/rsyslog.conf"] = Seed(logs.configuration(machine.alerts, str(machine.keeper)))
    # The package's own would keep the machine's journal in files a second time.
    files["/etc/systemd/system/rsyslog.service"] = Seed("", target="/dev/null")
    return files | _enabled("lab-relp.service", logs.UNIT)


def _service(policy: Policy, service: str, upstream: tuple[str, ...]) -> dict[str, Seed]:
    if service == "resolver":
        return {"/etc/dnsmasq.d/site.conf": Seed(dnsmasq(policy, upstream))}
    if service == "time_server":
        return {
            "/etc/chrony/conf.d/site.conf": Seed(CHRONY),
            "/etc/default/chrony": Seed('DAEMON_OPTS="-F 0 -x"\n'),
            "/etc/systemd/system/chrony.service.d/container.conf": Seed(CHRONY_UNIT),
        }
    return {"/etc/apt-cacher-ng/zz_site.conf": Seed("ForeGround: 0\nExTreshold: 4\n")}


def dnsmasq(policy: Policy, upstream: tuple[str, ...]) -> str:
    """Return the resolver's configuration: the site's own names, and the machine's resolvers for the rest."""
    resolver = policy.hosts[policy.site.resolver or ""].address
    # Naming an address lets other zones ask: without it dnsmasq answers its own network alone.
    lines = ["no-resolv", "no-hosts", "bind-dynamic", "cache-size=1000", f"listen-address=127.0.0.1,{resolver}"]
    lines += [f"server={address}" for address in upstream]
    lines += [f"host-record={name},{host.address}" for name, host in policy.hosts.items()]
    return "\n".join(lines) + "\n"


def _laptop(policy: Policy, machine: Machine, lab: Path) -> dict[str, Seed]:
    files = {"/root/.ssh/config": Seed(laptop_config(policy), 0o600)}
    for name in machine.keys:
        files[f"/root/.ssh/{name}"] = Seed((lab / "keys" / name).read_text(), 0o600)
        files[f"/root/.ssh/{name}.pub"] = Seed((lab / "keys" / f"{name}.pub").read_text())
    held = [f"/root/.ssh/{name}" for name in machine.keys if authenticator.is_device_key(lab / "keys" / name)]
    if held:
        unit = AGENT_UNIT.format(program=AGENT_PROGRAM, socket=AGENT_SOCKET, keys=" ".join(held))
        files[AGENT_PROGRAM] = Seed(Path(authenticator.__file__).read_text())
        files |= _enabled("authenticator.service", unit)
    pins = [
        f"{name} {' '.join((lab / 'hostkeys' / name / 'ssh_host_ed25519_key.pub').read_text().split()[:2])}"
        for name in policy.hosts
    ]
    files["/root/.ssh/known_hosts"] = Seed("\n".join(pins) + "\n", 0o600)
    return files


def laptop_config(policy: Policy) -> str:
    """Return the ssh configuration of a laptop that people share: each by her own tunnel, on through the bastion."""
    blocks = ["Host *", "  StrictHostKeyChecking yes", "  IdentitiesOnly yes", "  ConnectTimeout 5", "  BatchMode yes"]
    # A tunnel that ended takes its packets with it, and no word of it comes.
    blocks += ["  ServerAliveInterval 2", "  ServerAliveCountMax 2"]
    blocks += ["  IdentityFile ~/.ssh/%r", f"  IdentityAgent {AGENT_SOCKET}"]
    bastion = policy.site.bastion
    head: list[str] = []
    if bastion is not None:
        head += [f"Host {bastion}", f"  HostName {policy.hosts[bastion].address}", f"  HostKeyAlias {bastion}"]
        head += [f"  ProxyCommand socat - TCP:%h:%p,so-bindtodevice={TUNNEL.format('%r')}"]
    for name, host in policy.hosts.items():
        if host.managed and name != bastion:
            head += [f"Host {name}", f"  HostName {host.address}", f"  HostKeyAlias {name}"]
            head += [f"  ProxyJump %r@{bastion}"] if bastion else []
    return "\n".join([*head, *blocks]) + "\n"


def whose(files: dict[str, Seed]) -> str:
    """Return a digest of the keys that a machine is born with: another checkout's machine has another."""
    keys = ("/etc/ssh/ssh_host_ed25519_key.pub", "/root/.ssh/authorized_keys")
    text = "\n".join(files[path].content for path in keys if path in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def archive(files: dict[str, Seed]) -> bytes:
    """Return the files as a tar owned by root, for `podman cp`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, seed in files.items():
            info = tarfile.TarInfo(path.lstrip("/"))
            info.mode = seed.mode
            if seed.target is not None:
                info.type, info.linkname = tarfile.SYMTYPE, seed.target
                tar.addfile(info)
                continue
            data = seed.content.encode()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
