"""Knock at the hosts' doors as a person: new connections with her own key, and a session that she keeps open."""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from haechi import sshconfig
from haechi.demo import StoryError
from haechi.policy.models import Policy

PAUSE = 0.7
PATIENCE = 90


class Answer(StrEnum):
    """What a knock was answered with; only sshd's own refusal counts as one."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def answer(code: int, errors: str) -> Answer:
    """Judge an ssh client's end: a time-out or a reset proves nothing."""
    if code == 0:
        return Answer.ACCEPTED
    # With the methods in brackets, as ssh ends when sshd has refused them all; a closed connection says no such thing.
    return Answer.REFUSED if "Permission denied (" in errors else Answer.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Doors:
    """The hosts' sshd, reached through the bastion by the automation and knocked at with a person's key."""

    policy: Policy
    inventory: Path
    keys: Path
    state: Path

    def command(self, person: str, host: str, *words: str) -> list[str]:
        """Return how a person runs something on a host over a new connection, with their own key."""
        address = str(self.policy.hosts[host].address)
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            # A connection that is open already would answer for a door that is shut by now (ssh_config(5)).
            "ControlPath": "none",
            "HostKeyAlias": host,
            "IdentitiesOnly": "yes",
            "IdentityFile": str(self.keys / person),
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(sshconfig.known_hosts(self.state)),
        }
        bastion = self.policy.site.bastion
        if bastion is not None and bastion != host:
            config = shlex.quote(str(self.inventory.resolve() / sshconfig.FILE_NAME))
            options["ProxyCommand"] = f"ssh -F {config} -W %h:%p {bastion}"
        flags = [f"-o{name}={value}" for name, value in options.items()]
        return ["ssh", "-F", "none", *flags, "-l", person, "-p", str(self.policy.sshd.port), address, *words]

    def knock(self, person: str, host: str) -> Answer:
        """Try one login."""
        command = self.command(person, host, "true")
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=30
            )
        except subprocess.TimeoutExpired:
            return Answer.UNKNOWN
        return answer(done.returncode, done.stderr)

    def knock_all(self, person: str, hosts: Iterable[str]) -> dict[str, Answer]:
        """Try one login at each host."""
        names = list(hosts)
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(names, pool.map(lambda host: self.knock(person, host), names), strict=True))

    def refused_after(self, person: str, host: str, began: float, enough: threading.Event) -> float:
        """Knock until the host refuses, or until it is enough; return the seconds since ``began`` when it had.

        Raises ``StoryError`` when it never does.
        """
        seen = Answer.UNKNOWN
        while time.monotonic() - began < PATIENCE and not enough.is_set():
            seen = self.knock(person, host)
            if seen is Answer.REFUSED:
                return time.monotonic() - began
            enough.wait(PAUSE)
        raise StoryError(
            f"{host} still answers {person} with `{seen}` {time.monotonic() - began:.0f} s after offboarding began"
        )


class Session:
    """An interactive login from a machine of the lab, by the way that people take."""

    def __init__(self, container: str, person: str, host: str) -> None:
        """Log in and wait for the shell to say who it is.

        Raises ``StoryError`` when no shell answers.
        """
        command = ["podman", "exec", "--interactive", container, "ssh", "-tt", "-l", person, host]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._said = b""
        if self._process.stdin is not None:
            self._process.stdin.write(b"echo shell-of-$(id -un)-on-$(hostname)\n")
            self._process.stdin.flush()
        if not self._hears(f"shell-of-{person}-on-{host}".encode(), 30):
            self.close()
            last = self._said.decode(errors="replace").strip()[-500:]
            raise StoryError(f"{person} could not log in on {host}: {last or 'no answer'}")

    def _hears(self, text: bytes, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        out = self._process.stdout
        while out is not None and text not in self._said and time.monotonic() < deadline:
            if select.select([out], [], [], 0.2)[0]:
                chunk = os.read(out.fileno(), 4096)
                if not chunk:
                    break
                self._said += chunk
        return text in self._said

    @property
    def is_open(self) -> bool:
        """Return whether the session still stands."""
        return self._process.poll() is None

    def ends_within(self, seconds: float) -> bool:
        """Return whether the far side ends the session in time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self.is_open:
            self._process.terminate()
            self._process.wait(10)
