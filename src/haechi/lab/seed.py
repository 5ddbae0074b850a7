"""The files a machine is born with: what a cloud image and a site's own network would give it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from haechi import authenticator
from haechi.lab.topology import Machine
from haechi.policy.models import Policy
from haechi.sshconfig import automation_id

ROUTE_UNIT = """\
[Unit]
Description=Default route of the lab
Before=network.target
After=systemd-tmpfiles-setup.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip route replace default via {route}

[Install]
WantedBy=multi-user.target
"""
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
        unit = "/etc/systemd/system/lab-route.service"
        files[unit] = Seed(ROUTE_UNIT.format(route=machine.route))
        files["/etc/systemd/system/multi-user.target.wants/lab-route.service"] = Seed("", target=unit)
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
        files["/etc/systemd/system/authenticator.service"] = Seed(unit)
        files["/etc/systemd/system/multi-user.target.wants/authenticator.service"] = Seed(
            "", target="/etc/systemd/system/authenticator.service"
        )
    pins = [
        f"{name} {' '.join((lab / 'hostkeys' / name / 'ssh_host_ed25519_key.pub').read_text().split()[:2])}"
        for name in policy.hosts
    ]
    files["/root/.ssh/known_hosts"] = Seed("\n".join(pins) + "\n", 0o600)
    return files


def laptop_config(policy: Policy) -> str:
    """Return an administrator's ssh configuration: in by the gateway's published port, on through the bastion."""
    blocks = ["Host *", "  StrictHostKeyChecking yes", "  IdentitiesOnly yes", "  ConnectTimeout 5", "  BatchMode yes"]
    blocks += ["  IdentityFile ~/.ssh/%r", f"  IdentityAgent {AGENT_SOCKET}"]
    bastion = policy.site.bastion
    published = [f.publish for f in policy.flows if f.publish is not None and bastion in f.target]
    head: list[str] = []
    if bastion is not None and published:
        gateway = policy.hosts[published[0].gateway]
        address = gateway.legs.get(published[0].zone, gateway.address)
        head += [f"Host {bastion}", f"  HostName {address}", f"  Port {published[0].port}", f"  HostKeyAlias {bastion}"]
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
