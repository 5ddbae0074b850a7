"""Whether sshd would let a key in: the offer of a public key, which needs no secret and logs nobody in.

Only two answers prove anything: sshd accepted the key, or sshd named the person and refused. A reset, a time-out
or a refusal at the bastion is "unknown", never a denial.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from haechi import sshclient

ACCEPTED, REFUSED, UNKNOWN = "accepted", "refused", "unknown"
_PATIENCE = 20
# sshd drops what is more than PerSourceMaxStartups (sshd_config(5)), and all of these come from one address.
AT_ONCE = 6
_CUT = re.compile(r"kex_exchange_identification|banner exchange|Connection (?:closed|reset)")
# What of the inventory's configuration a probe keeps: the way to the host, and how its key is checked.
_KEPT = ("hostname", "port", "hostkeyalias", "userknownhostsfile", "hostkeyalgorithms")
_OPTIONS = (
    *("BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "ControlPath=none", "StrictHostKeyChecking=yes"),
    *("PreferredAuthentications=publickey", "GlobalKnownHostsFile=none", "UpdateHostKeys=no", "ConnectTimeout=10"),
    sshclient.QUICK,
)


@dataclass(frozen=True)
class Offer:
    """What sshd answered, and in its words why nobody knows."""

    answer: str
    why: str = ""


def judge(stderr: str, person: str) -> Offer:
    """Read what ``ssh -v`` said when it offered one key."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if any(line.startswith("debug1: Server accepts key:") for line in lines):
        return Offer(ACCEPTED)
    offered = any(line.startswith("debug1: Offering public key:") for line in lines)
    if offered and any(line.startswith(f"{person}@") and ": Permission denied (" in line for line in lines):
        return Offer(REFUSED)
    said = [line for line in lines if not line.startswith(("debug1:", "OpenSSH_"))]
    return Offer(UNKNOWN, said[-1] if said else "ssh said nothing")


def merge(offers: Sequence[Offer]) -> Offer:
    """Return one answer for all keys of a person: one accepted key lets in, only all refused keep out."""
    for wanted in (ACCEPTED, UNKNOWN):
        for offer in offers:
            if offer.answer == wanted:
                return offer
    return offers[0] if offers else Offer(UNKNOWN, "no public key in policy")


def probe(common_args: str, host: str, people: Mapping[str, Sequence[str]]) -> dict[str, Offer]:
    """Offer every key of some people to a host, a few at once, each over a new connection."""
    way = sshclient.settings(common_args, host)
    tries = [(person, key) for person, keys in people.items() for key in keys]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(max(1, min(AT_ONCE, len(tries)))) as pool:
        commands = []
        for number, (person, key) in enumerate(tries):
            file = Path(folder) / f"{number}.pub"
            file.write_text(f"{key}\n")
            commands.append(command(way, common_args, person, file))
        answers = list(pool.map(_ask, commands, [person for person, _ in tries]))
    heard = list(zip((person for person, _ in tries), answers, strict=True))
    return {person: merge([offer for who, offer in heard if who == person]) for person in people}


def command(way: Mapping[str, str], common_args: str, person: str, file: Path) -> list[str]:
    """Return the ssh command that offers one key and none of the configuration's own."""
    options = [*_OPTIONS, f"IdentityFile={file}", *(f"{name}={way[name]}" for name in _KEPT if name in way)]
    bastion = way.get("proxyjump", "none")
    if bastion != "none":
        through = ["ssh", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", *shlex.split(common_args)]
        options.append(f"ProxyCommand={shlex.join([*through, '-W', '[%h]:%p', bastion])}")
    flags = [part for option in options for part in ("-o", option)]
    return ["ssh", "-v", "-F", "none", *flags, "-l", person, way["hostname"], "true"]


def open_jump(common_args: str, bastion: str) -> None:
    """Open the connection to the bastion that the configuration shares, so that a fleet's offers find it open."""
    null = subprocess.DEVNULL
    argv = ["ssh", "-o", "BatchMode=yes", *shlex.split(common_args), bastion, "true"]
    # Pipes would stay open as long as the connection that goes on in the background.
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(argv, check=False, timeout=_PATIENCE, stdin=null, stdout=null, stderr=null)


def _ask(argv: list[str], person: str) -> Offer:
    """Offer once more where the connection was cut before sshd spoke: a busy sshd drops some (MaxStartups)."""
    heard = Offer(UNKNOWN)
    for pause in (0.0, 0.4, 1.0):
        time.sleep(pause)
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_PATIENCE
            )
        except subprocess.TimeoutExpired:
            return Offer(UNKNOWN, f"no answer within {_PATIENCE} s")
        heard = judge(done.stderr, person)
        if heard.answer != UNKNOWN or not _CUT.search(done.stderr):
            break
    return heard
