"""Base images from Debian's packages, with no registry: mmdebstrap, a cache of tars, podman import."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from haechi.lab import podman
from haechi.lab.podman import LabError

# A bare Debian server: init, Python for Ansible, sshd, and what the roles' packages would fetch on first use,
# so that a host converges before the way to the package cache is open.
BASE_PACKAGES = (
    "ca-certificates",
    "cracklib-runtime",
    "dbus",
    "iproute2",
    "iputils-ping",
    "libpam-google-authenticator",
    "libpam-pwquality",
    "libpam-systemd",
    "nftables",
    "openssh-server",
    "pamtester",
    "procps",
    "python3",
    "python3-apt",
    "stunnel4",
    "sudo",
    "systemd",
    "systemd-sysv",
)
# Debian 12 has neither: PAM itself keeps its record of logins.
RELEASE_PACKAGES = {"trixie": ("lastlog2", "libpam-lastlog2")}
MAX_AGE_DAYS = 14
# Each container makes its own; a key or id in an image is shared by every machine made of it.
STRIP = 'rm -f "$1"/etc/ssh/ssh_host_*; : > "$1"/etc/machine-id; rm -rf "$1"/var/lib/apt/lists/*'
# What a role is to start waits for it: nobody has configured it yet.
IDLE = 'cd "$1"/etc/systemd/system/multi-user.target.wants && rm -f haproxy.service keepalived.service nginx.service'
HOOKS = (STRIP, f"{IDLE} suricata.service")


def cache_dir() -> Path:
    """Return the folder of built images."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "haechi/images"


def key(release: str, packages: tuple[str, ...]) -> str:
    """Return the name of an image: its release, and a digest of its packages and of what is done to them."""
    digest = hashlib.sha256("\n".join([*sorted(packages), *HOOKS]).encode()).hexdigest()[:12]
    return f"{release}-{digest}"


def reference(release: str, packages: tuple[str, ...]) -> str:
    """Return the image's name in podman."""
    return f"localhost/haechi:{key(release, packages)}"


def is_fresh(tar: Path, now: float) -> bool:
    """Return whether a built tar exists and is young enough to hold current security updates."""
    return tar.is_file() and now - tar.stat().st_mtime < MAX_AGE_DAYS * 86400


def ensure(release: str, packages: tuple[str, ...]) -> str:
    """Build and import the image if need be; return its name in podman.

    Raises ``LabError`` with mmdebstrap's last lines when the build fails.
    """
    name = reference(release, packages)
    tar = cache_dir() / f"{key(release, packages)}.tar"
    known = is_fresh(tar, time.time()) and podman.listing("images", "--filter", f"reference={name}")
    if not known:
        podman.run("import", "--quiet", str(root_tar(release, packages)), name)
    return name


def root_tar(release: str, packages: tuple[str, ...]) -> Path:
    """Build the tar of a root file system if need be; return its path in the cache.

    Raises ``LabError`` with mmdebstrap's last lines when the build fails.
    """
    tar = cache_dir() / f"{key(release, packages)}.tar"
    if not is_fresh(tar, time.time()):
        _build(release, packages, tar)
    return tar


def _build(release: str, packages: tuple[str, ...], tar: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise LabError("mmdebstrap is not installed: run `make setup`")
    tar.parent.mkdir(parents=True, exist_ok=True)
    part = tar.with_suffix(f".{os.getpid()}.part.tar")
    hooks = (f"--customize-hook={hook}" for hook in HOOKS)
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}", *hooks]
    mirror = os.environ.get("HAECHI_DEBIAN_MIRROR")
    try:
        done = subprocess.run(
            [*command, release, str(part), *([mirror] if mirror else [])],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.returncode != 0:
            tail = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise LabError(f"building the {release} image failed; is a Debian mirror reachable?\n{tail}")
        part.replace(tar)
    finally:
        part.unlink(missing_ok=True)
