"""A machine's disk: the root file system of the cache and the machine's own files, as one ext4 image."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from haechi.lab import tool
from haechi.lab.podman import LabError
from haechi.lab.seed import Seed, archive

SIZE = "3G"
FSTAB = "/dev/vda / ext4 defaults,errors=remount-ro 0 1\n"
# A policy that names no resolver has none: a name that is looked up all the same fails at once.
RESOLVER = "# This machine has no name server.\n"
NETWORK = """\
[Match]
MACAddress={hardware}

[Network]
Address={address}/{prefix}
IPv6AcceptRA=no
LinkLocalAddressing=no
"""


@dataclass(frozen=True)
class Boot:
    """What a machine starts from."""

    image: Path
    kernel: Path
    initrd: Path


def network_files(name: str, address: IPv4Address, network: IPv4Network, hardware: str) -> dict[str, Seed]:
    """Return the files that a container gets from podman and a machine must bring along."""
    wired = NETWORK.format(hardware=hardware, address=address, prefix=network.prefixlen)
    wants, unit = "/etc/systemd/system/multi-user.target.wants", "/usr/lib/systemd/system/systemd-networkd.service"
    return {
        "/etc/fstab": Seed(FSTAB),
        "/etc/hostname": Seed(f"{name}\n"),
        "/etc/hosts": Seed(f"127.0.0.1 localhost\n127.0.1.1 {name}\n"),
        "/etc/resolv.conf": Seed(RESOLVER),
        "/etc/systemd/network/10-lab.network": Seed(wired),
        f"{wants}/systemd-networkd.service": Seed("", target=unit),
    }


def make(tar: Path, files: dict[str, Seed], folder: Path) -> Boot:
    """Make the disk of a machine, and put its kernel beside it.

    Raises ``LabError`` when tar or mke2fs is missing or fails.
    """
    boot = Boot(folder / "disk.img", folder / "vmlinuz", folder / "initrd.img")
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        unpack = ("tar", "-C", name, "--numeric-owner", "-xpf")
        tool.run([*unpack, str(tar)])
        tool.run([*unpack, "-"], stdin=archive(files))
        for target in (boot.kernel, boot.initrd):
            found = sorted(root.glob(f"boot/{target.name}-*"))
            if not found:
                raise LabError(f"{tar.name} holds no {target.name}: add linux-image-cloud-amd64 to its packages")
            shutil.copyfile(found[-1], target)
        boot.image.unlink(missing_ok=True)
        tool.run(["mke2fs", "-q", "-t", "ext4", "-d", name, str(boot.image), SIZE])
    return boot
