"""The signed list of who left as this host holds it, and the program that fetches it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.pki import held
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, ask, names, read_if
from ansible_collections.haechi.guard.plugins.module_utils.pull import document, run, units
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import ListError

SOON = 1 << 16
_FROM = re.compile(r'from="([^"]*)" ')


def revocations(_: Question) -> Reader:
    """Whom the host believes and what it holds, checked as its own program checks it."""
    timer, boot = f"{units.NAME}.timer", f"{units.BOOT}.service"
    states = ask("systemctl", "show", "--property=Id,ActiveState,UnitFileState,Before,Result", timer, boot)
    return lambda: _seen(states.text())


def _seen(states: str) -> dict[str, Any]:
    config = _json(read_if(run.CONFIG, SOON))
    rows = [dict(line.split("=", 1) for line in block.splitlines()) for block in states.strip().split("\n\n")]
    timer, boot = rows[0], rows[1]
    confirmed = held.seen()[1]
    return {
        "config": config,
        "signers": hashlib.sha256(read_if(document.SIGNERS, SOON).encode()).hexdigest(),
        "held": _held(str(config.get("site", ""))) if config else None,
        "confirmed": confirmed.isoformat() if confirmed else None,
        "refused": read_if(run.REFUSED, SOON).split(),
        "timer": timer.get("ActiveState", "") == "active",
        "boot": boot.get("UnitFileState", ""),
        "before_sshd": "ssh.service" in boot.get("Before", "").split(),
        "alarms": alarms(),
        "bare_key_from": _sources(config),
    }


def _sources(config: dict[str, Any]) -> list[str]:
    """Return from where the automation's bare keys count; anywhere, where one of them does not say."""
    who = str(config.get("automation", {}).get("id", ""))
    lines = read_if(f"{state.KEYS_FOLDER}/{who}", SOON).splitlines() if who else []
    found = [_FROM.match(line) for line in lines if state.fingerprint(line)]
    return sorted({one for row in found for one in (row[1].split(",") if row else ["anywhere"])})


def alarms() -> dict[str, str]:
    """Return the alarms that stand, by name."""
    found = {name: _json(read_if(f"{alarm.ALARMS}/{name}", SOON)) for name in names(str(alarm.ALARMS))}
    return {
        name.removesuffix(".json"): str(row.get("what", "")) for name, row in found.items() if name.endswith("json")
    }


def _held(site: str) -> dict[str, Any]:
    """Return what the list says that is held; ``why`` where the host may not believe it."""
    try:
        seen = document.read(Path(held.HELD).read_bytes(), site)
    except (ListError, OSError) as error:
        return {"sequence": 0, "issued": None, "expires": None, "people": [], "why": str(error)}
    times = {"issued": seen.issued.isoformat(), "expires": seen.expires.isoformat()}
    return {"sequence": seen.sequence, **times, "people": sorted(seen.people), "why": ""}


def _json(text: str) -> dict[str, Any]:
    found = json.loads(text) if text.strip() else {}
    return found if isinstance(found, dict) else {}
