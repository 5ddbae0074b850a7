"""Asking a host over a new ssh connection, from the controller, with the inventory's own configuration."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from haechi.hostkeys import HostKey, HostKeyError, entries

# A probe says nothing that anybody would keep to decrypt later, so the key exchange that costs a tenth of a second of
# processor on either side, sntrup761, comes after the one that costs none. Where sshd wants only others, they are used.
QUICK = "KexAlgorithms=^curve25519-sha256"
# A probe never rides on a connection that is already open (ssh_config(5), ControlPath).
FRESH = ("-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "BatchMode=yes", "-o", QUICK)
_PATIENCE = 60
# A new connection may be dropped while sshd starts anew, or by a bastion's MaxStartups (sshd_config(5)) when many
# hosts are asked at once: such a drop is tried again for this long, a refusal once.
PATIENCE = 8.0
_REFUSED, _LATE = "Permission denied (", "timed out"
# What the client of a jump host says when the way there ended; the cause stands in the line before.
_WAY_ENDED = "UNKNOWN port 65535"


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
        lines = [line.strip() for line in self.err.splitlines() if line.strip()] or [f"exit code {self.code}"]
        return "; ".join(lines[-2:] if _WAY_ENDED in lines[-1] else lines[-1:])


def ssh(common_args: str, host: str, *command: str, options: tuple[str, ...] = (), text: bytes = b"") -> Answer:
    """Run a command over a new connection, ``text`` on its standard input; never waits longer than a minute."""
    argv = ["ssh", *FRESH, *options, *shlex.split(common_args), host, *command]
    return _run(argv, text)


def ssh_patiently(
    common_args: str,
    host: str,
    *command: str,
    options: tuple[str, ...] = (),
    good: Callable[[Answer], bool] = lambda answer: answer.code == 0,
    patience: float = PATIENCE,
) -> Answer:
    """Run a command over new connections until one answer is good, two refused, or the patience (s) is at its end.

    One that nobody answered in time is tried a second time all the same: what was on the way then is gone now.
    """
    began, refusals, pause, tries = time.monotonic(), 0, 0.3, 0
    while True:
        answer = ssh(common_args, host, *command, options=options)
        refusals, tries = refusals + (_REFUSED in answer.err), tries + 1
        late = time.monotonic() - began >= patience
        if good(answer) or refusals > 1 or (late and (tries > 1 or patience == 0 or _LATE not in answer.err)):
            return answer
        time.sleep(pause)
        pause = min(2.0, pause * 2)


def settings(common_args: str, host: str) -> dict[str, str]:
    """Return what ssh would use for the host (``ssh -G``), keyword to value."""
    answer = _run(["ssh", "-G", *shlex.split(common_args), host])
    if answer.code:
        raise HostKeyError(f"ssh cannot read its configuration ({answer.last}): write it by `haechi ssh-config -i ..`")
    return {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in answer.out.splitlines()}


def presented_key(common_args: str, host: str, alias: str, patience: float = PATIENCE) -> HostKey:
    """Return the key that the host presents, through the bastion where there is one; no login is tried.

    ssh itself writes what answered to a throwaway file, since ssh-keyscan knows no jump host.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "known_hosts"
        options = ("-o", f"UserKnownHostsFile={file}", "-o", "StrictHostKeyChecking=accept-new")
        order = ("-o", "HostKeyAlgorithms=ssh-ed25519", "-o", "PreferredAuthentications=none")
        answer = ssh_patiently(
            common_args, host, "true", options=(*options, *order), good=lambda _: file.is_file(), patience=patience
        )
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
