"""A second sshd on loopback, and the offer of a public key to it: no secret is needed, nobody is logged in."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.guard import sshd_judgement as judgement
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import run

LOOPBACK = "127.0.0.1"
# One that does not take its configuration ends at once; a busy host may be slow to start one that does.
START_SECONDS = 30
HOST_KEYS = "/etc/ssh/ssh_host_ed25519_key.pub"


@contextmanager
def running(config: Path) -> Iterator[int]:
    """Run a configuration on a free port of loopback, for as long as the block lasts.

    Raises ``RefusedError`` when it does not start.
    """
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    said = run(["sshd", "-V"])
    # Many offers without a login would earn loopback a penalty, and the last operators a refusal that means nothing.
    # (`PerSourcePenalties=no` here is undone by a later line with values in the file; the exempt list is not.)
    mild = ["-o", f"PerSourcePenaltyExemptList={LOOPBACK}"] if judgement.version(said.err + said.out) >= (9, 8) else []
    own = ["-o", f"ListenAddress={LOOPBACK}", "-o", "PidFile=none", "-o", "PerSourceMaxStartups=none", *mild]
    # sshd insists on its absolute path, since it re-executes itself for every connection.
    daemon = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(config), "-p", str(port), *own],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(daemon, port)
        yield port
    finally:
        daemon.terminate()
        daemon.wait()


def _wait(daemon: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        try:
            socket.create_connection((LOOPBACK, port), 1).close()
        except OSError:
            time.sleep(0.02)
            continue
        return
    raise RefusedError("a second sshd with the new configuration did not start on loopback; nothing was changed")


def accepted(port: int, who: str, key: str) -> bool:
    """Return whether sshd on a port of loopback accepts the offer of a public key."""
    with tempfile.TemporaryDirectory() as name:
        public, pins = Path(name) / "key.pub", Path(name) / "known_hosts"
        public.write_text(f"{key}\n")
        pins.write_text(f"[{LOOPBACK}]:{port} {' '.join(Path(HOST_KEYS).read_text().split()[:2])}\n")
        options = ["BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "PreferredAuthentications=publickey"]
        options += [f"UserKnownHostsFile={pins}", "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes"]
        flags = [part for option in options for part in ("-o", option)]
        done = run(["ssh", "-v", "-F", "none", *flags, "-i", str(public), "-p", str(port), "-l", who, LOOPBACK, "true"])
    return "debug1: Server accepts key:" in done.err
