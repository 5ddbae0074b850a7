"""Asking a host over a new ssh connection, from the controller, with the inventory's own configuration."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from haechi.hostkeys import HostKey, HostKeyError, entries

# A probe never rides on a connection that is already open (ssh_config(5), ControlPath).
FRESH = ("-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "BatchMode=yes")
_PATIENCE = 60


class NoAnswerError(HostKeyError):
    """Nothing answered, so there is no key to judge."""


@dataclass(frozen=True)
class Answer:
    """What a probe saw."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """Return the line in which ssh says what went wrong; the banner stands before it."""
        return next((line for line in reversed(self.err.splitlines()) if line.strip()), f"exit code {self.code}")


def ssh(common_args: str, host: str, *command: str, options: tuple[str, ...] = (), text: bytes = b"") -> Answer:
    """Run a command over a new connection, ``text`` on its standard input; never waits longer than a minute."""
    argv = ["ssh", *FRESH, *options, *shlex.split(common_args), host, *command]
    return _run(argv, text)


def settings(common_args: str, host: str) -> dict[str, str]:
    """Return what ssh would use for the host (``ssh -G``), keyword to value."""
    answer = _run(["ssh", "-G", *shlex.split(common_args), host])
    if answer.code:
        raise HostKeyError(f"ssh cannot read its configuration ({answer.last}): write it by `haechi ssh-config -i ..`")
    return {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in answer.out.splitlines()}


def presented_key(common_args: str, host: str, alias: str) -> HostKey:
    """Return the key that the host presents, through the bastion where there is one; no login is tried.

    ssh itself writes what answered to a throwaway file, since ssh-keyscan knows no jump host.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "known_hosts"
        options = ("-o", f"UserKnownHostsFile={file}", "-o", "StrictHostKeyChecking=accept-new")
        order = ("-o", "HostKeyAlgorithms=ssh-ed25519", "-o", "PreferredAuthentications=none")
        answer = ssh(common_args, host, "true", options=(*options, *order))
        found = entries(file.read_text(), alias) if file.is_file() else ()
    if not found:
        raise NoAnswerError(f"{host} presented no ed25519 host key: {answer.last}")
    return found[0]


def _run(argv: list[str], text: bytes = b"") -> Answer:
    try:
        done = subprocess.run(argv, capture_output=True, check=False, input=text, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return Answer(255, "", f"no answer within {_PATIENCE} s")
    return Answer(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
