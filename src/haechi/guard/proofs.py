"""Prove over new connections that everybody who got in before a change still gets in after it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from haechi import authenticator, offer, sshclient

# Two tries must end before the host puts the old state back by itself.
OPTIONS = ("-o", "ConnectTimeout=7")


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One attempt: what it had to show, and what it showed."""

    what: str
    expected: str
    seen: str

    @property
    def ok(self) -> bool:
        """Return whether the attempt showed what it had to."""
        return self.seen == self.expected


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the controller reaches a host."""

    common_args: str
    host: str
    sentinel_key: Path | None = None


def attempts(
    way: Way, prove: Mapping[str, Any], entitled: Collection[str], *, offers: bool
) -> list[Callable[[], Proof]]:
    """Return what must be tried: the automation first, since nothing else can be mended without it.

    ``entitled`` are the ids that got in before; ``offers`` asks sshd about each operator's key too.
    """
    tries: list[Callable[[], Proof]] = [partial(_privileged, way, way.host, f"{prove['automation']} runs a command")]
    tries += [partial(_privileged, way, host, f"{host} is reached through {way.host}") for host in prove["through"]]
    canary = prove.get("sentinel")
    if canary in entitled and way.sentinel_key is not None and way.sentinel_key.is_file():
        tries.append(partial(sentinel, way, str(canary), way.sentinel_key))
    operators = [operator for operator in prove["operators"] if operator["id"] in entitled]
    if offers and operators:
        tries += [partial(_offered, way, operator["id"], operator["keys"]) for operator in operators]
    return tries


def run(tries: Sequence[Callable[[], Proof]]) -> list[Proof]:
    """Make all attempts at once."""
    with ThreadPoolExecutor(max(1, min(6, len(tries)))) as pool:
        return [future.result() for future in [pool.submit(attempt) for attempt in tries]]


def as_rows(proofs: Sequence[Proof]) -> list[dict[str, object]]:
    """Return proofs as plain data."""
    return [{**asdict(proof), "ok": proof.ok} for proof in proofs]


def answers(way: Way, prove: Mapping[str, Any]) -> bool:
    """Return whether the automation gets in over a new connection, once."""
    return _privileged(way, way.host, str(prove["automation"])).ok


def _login(way: Way, host: str, *command: str, options: tuple[str, ...] = ()) -> str:
    nonce = secrets.token_hex(8)

    def said(answer: sshclient.Answer) -> bool:
        return answer.code == 0 and answer.out.strip().endswith(nonce)

    command = (*command, "echo", nonce)
    answer = sshclient.ssh_patiently(way.common_args, host, *command, options=(*OPTIONS, *options), good=said)
    return "yes" if said(answer) else answer.last


def _privileged(way: Way, host: str, what: str) -> Proof:
    return Proof(what=what, expected="yes", seen=_login(way, host, "sudo", "-n"))


def sentinel(way: Way, who: str, key: Path) -> Proof:
    """Let the canary log in and say a nonce, as people with a security key do; it has no rights on any host."""
    options: tuple[str, ...] = ("-l", who, "-i", str(key))
    with contextlib.ExitStack() as held:
        if authenticator.is_device_key(key):
            options += ("-o", f"IdentityAgent={held.enter_context(authenticator.serving([key]))}")
        return Proof(what=f"{who} logs in", expected="yes", seen=_login(way, way.host, options=options))


def _offered(way: Way, who: str, keys: Sequence[str]) -> Proof:
    heard = offer.probe(way.common_args, way.host, {who: keys})[who]
    seen = heard.answer if heard.answer != offer.UNKNOWN else f"{heard.answer}: {heard.why}"
    return Proof(what=f"sshd and the key of {who}", expected=offer.ACCEPTED, seen=seen)
