"""The rules in force, the rules of the file, and who listens."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.firewall import sockets as open_sockets
from ansible_collections.haechi.guard.plugins.module_utils.guard.nft import normal
from ansible_collections.haechi.guard.plugins.module_utils.posture import units
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import (
    Answer,
    NotSeenError,
    Question,
    Reader,
    ask,
    read,
)

FILE = "/etc/haechi/firewall.nft"
OURS = ("inet haechi", "inet haechi_block")
# A network namespace of its own starts without rules, so what is listed there is what the file amounts to. Where root
# may not make one (a container without CAP_SYS_ADMIN), it may within a user namespace.
_ELSEWHERE = """
unshare --net true 2>/dev/null || more="--user --map-root-user"
exec unshare $more --net sh -c 'nft -f "$0" && nft -j list ruleset' "$0"
"""


def firewall(_: Question) -> Reader:
    """Rules in the kernel beside rules of the file."""
    live = ask("nft", "-j", "list", "ruleset")
    file = ask("sh", "-c", _ELSEWHERE, FILE) if Path(FILE).exists() else None
    state = units.states()

    def seen() -> dict[str, Any]:
        mine, foreign = split(live.json())
        return {
            "live": mine,
            **_file(file),
            "foreign_tables": foreign,
            "service": units.enabled(state()["haechi-firewall.service"]),
            "forwarding": read("/proc/sys/net/ipv4/ip_forward").strip() == "1",
        }

    return seen


def _file(loaded: Answer | None) -> dict[str, Any]:
    if loaded is None:
        return {"file": [], "file_sha256": "", "file_error": f"there is no {FILE}"}
    digest = hashlib.sha256(Path(FILE).read_bytes()).hexdigest()
    code, out, err = loaded.texts()
    if code != 0:
        return {"file": [], "file_sha256": digest, "file_error": err.strip()[-500:] or f"it ended with {code}"}
    return {"file": split(json.loads(out))[0], "file_sha256": digest, "file_error": ""}


def _table(kind: str, body: dict[str, Any]) -> str:
    return f"{body.get('family')} {body.get('name' if kind == 'table' else 'table')}"


def split(ruleset: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return our tables' objects without what changes by itself, and the names of other tables.

    Raises ``NotSeenError`` where nft's answer is no ruleset.
    """
    objects = ruleset.get("nftables")
    if not isinstance(objects, list):
        raise NotSeenError("nft's answer is no ruleset")
    mine, foreign = [], []
    for entry in objects:
        for kind, body in entry.items():
            table = _table(kind, body)
            if table in OURS:
                mine.append({kind: normal(body)})
            elif kind == "table":
                foreign.append(table)
    return mine, foreign


def sockets(_: Question) -> Reader:
    """Every open socket that waits for somebody."""
    answer = ask("ss", "-H", "-l", "-t", "-u", "-n", "-p")
    return lambda: [asdict(socket) for socket in open_sockets.parse(answer.text())]
