"""Seeds on the way to hosts: over SSH, on standard input, in no file and no variable of the controller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi import sent
from haechi.mfa import EnrolError

PROGRAM = Path(__file__).parents[3] / "plugins/module_utils/mfa/enrol.py"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one host answered: its word (absent, present, placed, kept), or why it did not."""

    state: str = ""
    text: str = ""
    fault: str = ""


def ask(inventory: Path, hosts: Iterable[str], request: Mapping[str, Any]) -> dict[str, Told]:
    """Send one request to hosts at once and return what each told; a host that does not answer is named so."""
    told = sent.send(inventory, hosts, PROGRAM, {"text": "", "again": False, **request})
    return {host: _told(answer) for host, answer in told.items()}


def _told(answer: sent.Answer) -> Told:
    if answer.fault:
        return Told(fault=answer.fault)
    return Told(state=str(answer.document["state"]), text=str(answer.document.get("text", "")))


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
