"""Intrusion detection as it runs: which packets it gets and by which way, what it holds, what it saw last."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.guard.nft import normal
from ansible_collections.haechi.guard.plugins.module_utils.ids import apply, canary, console, own, queues, units, watch
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Answer, Question, Reader, ask, read_if

_SHOWN = "Id,ActiveState,UnitFileState,MainPID,ExecMainStartTimestamp"
_SHOW = """
show() {
  if nft list table inet haechi_ids >/dev/null 2>&1; then echo native; nft -j list table inet haechi_ids
  elif nft list table ip security >/dev/null 2>&1; then
    echo iptables; iptables-nft -t security -S; ip6tables-nft -t security -S
  else echo none; fi
}
"""
# A namespace of its own starts without rules: what is listed there is what the files amount to (posture/firewall.py).
_ELSEWHERE = f"""
unshare --net true 2>/dev/null || more="--user --map-root-user"
exec unshare $more --net sh -c '{_SHOW}
nft -f {queues.NATIVE} 2>/dev/null || {{
  iptables-nft-restore < {queues.RESTORED["4"]} && ip6tables-nft-restore < {queues.RESTORED["6"]}; }} || exit 1
show'
"""
NOTHING: dict[str, Any] = {
    "way": "none",
    **{name: [] for name in ("live", "file", "instances", "sources")},
    "files": {},
    "rules": 0,
    "sound": False,
    "services": {},
}


def ids(_: Question) -> Reader:
    """Return what inspects and what it gets; nothing is asked on a host without any of it."""
    if not Path(units.FOLDER).is_dir():
        return lambda: NOTHING
    live, file = ask("sh", "-c", f"{_SHOW}show"), ask("sh", "-c", _ELSEWHERE)
    names = [name for name in units.NUMBERS if Path(units.SYSTEM, units.service(name)).is_file()]
    states = ask("systemctl", "show", "--timestamp=unix", f"--property={_SHOWN}", *units.services(names))
    return lambda: _seen(live, file, states.text(), names)


def _seen(live: Answer, file: Answer, states: str, names: list[str]) -> dict[str, Any]:
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in states.strip().split("\n\n")]
    rows = {row["Id"]: row for row in blocks}
    way, _, listed = live.text().partition("\n")
    told = json.loads(read_if(apply.SOURCES) or "{}")
    rules = read_if(apply.RULES)
    paths = [*queues.RESTORED.values(), queues.NATIVE, *(f"{units.FOLDER}/{name}.yaml" for name in names)]
    return {
        "way": way,
        "live": _rules(way, listed),
        "file": _rules(*file.text().partition("\n")[::2]),
        "files": {path: _digest(read_if(path)) for path in paths},
        "instances": [_instance(name, rows[units.service(name)]) for name in names],
        "sources": [{word: row[word] for word in ("name", "issued")} for row in told.get("sources", [])],
        "rules": sum(1 for line in rules.splitlines() if line and line[0] != "#"),
        "sound": rules.startswith(own.rules()) and told.get("sha256") == _digest(rules),
        "services": {
            name: f"{rows[name]['ActiveState']} {rows[name]['UnitFileState']}"
            for name in (units.WATCH, units.CANARY, units.QUEUES)
        },
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest() if text else ""


def _rules(way: str, listed: str) -> list[str]:
    if way != "native":
        return listed.splitlines()
    return [json.dumps(row, sort_keys=True) for row in normal(json.loads(listed)["nftables"])]


def _instance(name: str, row: dict[str, str]) -> dict[str, Any]:
    pid, begun = row["MainPID"], row["ExecMainStartTimestamp"].removeprefix("@")
    running, path = pid not in {"", "0"}, Path(units.FOLDER, f"{name}.yaml")
    seen, last = watch.look(name), canary.last(name)
    return {
        "name": name,
        "active": row["ActiveState"] == "active",
        "enabled": row["UnitFileState"] == "enabled",
        "command": read_if(f"/proc/{pid}/cmdline").split("\0")[:-1] if running else [],
        # Written in the same second as it started is before (posture/vpn.py).
        "stale": running and begun.isdigit() and path.is_file() and path.stat().st_mtime > int(begun) + 1,
        "reads": seen.reader != 0,
        "answers": not seen.silent,
        "waiting": seen.waiting,
        "lost": seen.lost,
        **_counted(name, answers=not seen.silent),
        "canary": last.isoformat() if last is not None else None,
    }


def _counted(name: str, *, answers: bool) -> dict[str, Any]:
    """Return what an instance holds, and what became of packets since it started; it counts half a minute late."""
    stats = _said(name, "ruleset-stats") if answers else None
    counters = _said(name, "dump-counters") if answers else None
    return {
        "loaded": stats[0]["rules_loaded"] if stats else None,
        "failed": stats[0]["rules_failed"] if stats else None,
        "packets": counters.get("decoder", {}).get("pkts", 0) if counters else None,
        "blocked": counters.get("ips", {}).get("blocked", 0) if counters else None,
    }


def _said(name: str, command: str) -> Any:
    try:
        return console.ask(name, command)
    except (OSError, ValueError):
        return None
