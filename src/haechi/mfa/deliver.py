"""Seeds on the way to hosts: over SSH, on standard input, in no file and no variable of the controller."""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi import errand, sshconfig
from haechi import way as ways
from haechi.lane import FAULTS, Lane, run, said
from haechi.mfa import EnrolError

PATIENCE_S = 60.0
PROGRAM = Path(__file__).parents[3] / "plugins/module_utils/mfa/enrol.py"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one host answered: its word (absent, present, placed, kept), or why it did not."""

    state: str = ""
    text: str = ""
    fault: str = ""


def ask(inventory: Path, hosts: Iterable[str], request: Mapping[str, Any]) -> dict[str, Told]:
    """Send one request to hosts at once and return what each told; a host that does not answer is named so."""
    config = ("-F", str(inventory.resolve() / sshconfig.FILE_NAME))
    text = PROGRAM.read_text()

    async def all_of_it() -> dict[str, Told]:
        lane = Lane()
        try:
            names = list(hosts)
            told = await asyncio.gather(*(_one(lane, config, name, text, request) for name in names))
            return dict(zip(names, told, strict=True))
        finally:
            await lane.close()

    return asyncio.run(all_of_it())


async def _one(lane: Lane, config: tuple[str, str], host: str, program: str, request: Mapping[str, Any]) -> Told:
    nonce = secrets.token_hex(16)
    line = json.dumps({"text": "", "again": False, **request, "nonce": nonce}).encode() + b"\n"
    try:
        way = await asyncio.to_thread(ways.find, config, host)
        root = () if way.user == "root" else ("sudo", "-n", "--")
        command = shlex.join([*root, errand.PYTHON, "-I", "-S", "-c", program])
        async with (
            asyncio.timeout(PATIENCE_S),
            await lane.log_in(way) as connection,
            aclosing(run(connection, command, line)) as lines,
        ):
            heard = [document async for text in lines if (document := _document(text, nonce))]
    except FAULTS as error:
        return Told(fault=said(error))
    if not heard or "failed" in heard[-1]:
        return Told(fault=str(heard[-1]["failed"]) if heard else "the host ended without an answer")
    return Told(state=str(heard[-1]["state"]), text=str(heard[-1].get("text", "")))


def _document(text: str, nonce: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("nonce") == nonce else None


def look(inventory: Path, person: str, hosts: Iterable[str]) -> dict[str, str]:
    """Return for each host whether it has the person's seed, ``present`` or ``absent``.

    Raises ``EnrolError`` where a host does not say: nobody is half enrolled by a cable.
    """
    told = ask(inventory, hosts, {"do": "look", "person": person})
    silent = [f"{host} ({one.fault})" for host, one in told.items() if one.fault]
    if silent:
        raise EnrolError(f"nothing was changed, since not every host answers: {', '.join(silent)}")
    return {host: one.state for host, one in told.items()}


def spread(inventory: Path, person: str, seen: Mapping[str, str]) -> dict[str, Told]:
    """Give the hosts that lack a person's seed the one that others have.

    Raises ``EnrolError`` where no host has one, or has it no more.
    """
    source = next((host for host, state in seen.items() if state == "present"), None)
    if source is None:
        raise EnrolError(f"no host has codes of {person}: enrol first, without --spread")
    given = ask(inventory, [source], {"do": "give", "person": person})[source]
    if not given.text:
        raise EnrolError(f"{source} did not give the seed: {given.fault or given.state}")
    lacking = [host for host, state in seen.items() if state == "absent"]
    return ask(inventory, lacking, {"do": "place", "person": person, "text": given.text})
