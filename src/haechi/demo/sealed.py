"""The lab's sealed account: its holders give it codes and drill it, as people do at the control node."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from haechi.demo import StoryError
from haechi.demo.playbooks import Playbooks
from haechi.lab import secrets, site
from haechi.mfa import EnrolError, code, deliver
from haechi.mfa.desk import open_desk, record

ACCOUNT, HOLDERS = "seal", ("jisoo", "sora")
DEVICE = "device"
# A drill asks for the code of now, and its playbook starts first.
AHEAD_S = 10


def enrol(inventory: Path) -> None:
    """Give the account one-time codes; the lab keeps the seed where the holders would have their device.

    Raises ``StoryError`` where a host does not take it.
    """
    device = _folder(inventory) / DEVICE
    device.touch(mode=0o600)
    seed = code.new_seed()
    device.write_text(seed)
    try:
        desk = open_desk(inventory, ACCOUNT)
        request = {"do": "place", "person": ACCOUNT, "text": code.file_text(seed)}
        told = deliver.ask(inventory, desk.hosts, request)
        record(desk, told, "first time")
    except EnrolError as error:
        raise StoryError(f"{ACCOUNT} has no codes: {error}") from error
    lacking = {host: one.fault or one.state for host, one in told.items() if one.state != "placed"}
    if lacking:
        raise StoryError(f"{ACCOUNT} has no codes on every host: {lacking}")


def drill(playbooks: Playbooks, holders: tuple[str, ...] = HOLDERS, reason: str = "the demo") -> None:
    """Have holders open the account at every console.

    Raises ``StoryError`` where a host refuses it, or raises no alarm.
    """
    folder = _folder(playbooks.inventory)
    seed, left = (folder / DEVICE).read_text(), code.STEP - time.time() % code.STEP
    if left < AHEAD_S:
        time.sleep(left)
    papers = ",".join(str(folder / who) for who in holders)
    with tempfile.NamedTemporaryFile("w") as typed:
        typed.write(code.at(seed, time.time()))
        typed.flush()
        playbooks.run(
            "incident_drill", "-e", f"shares={papers}", "-e", f"code={typed.name}", "-e", f"reason='{reason}'"
        )


def _folder(inventory: Path) -> Path:
    return site.secrets_dir(inventory, site.read_policy(inventory).site.name) / secrets.SHARES
