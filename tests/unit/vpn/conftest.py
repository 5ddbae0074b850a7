"""The small site of the firewall's tests with a VPN on its gateway, and a hook's world in folders of a test's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.vpn import hook, management

from haechi.policy.models import Policy
from tests.unit.firewall.conftest import policy as small

VPN: dict[str, object] = {
    "host": "gw",
    "zone": "outside",
    "network": "10.8.0.0/22",
    "jobs": {
        "operator": {"pool": "10.8.0.64/26", "routes": ["mgmt"]},
        "auditor": {"pool": "10.8.1.0/26", "routes": ["web"], "ports": [22, 443]},
    },
    "dns": ["10.9.4.11"],
}
PEOPLE = [
    {"id": "ann", "name": "Ann", "jobs": ["operator"]},
    {"id": "bob", "name": "Bob", "jobs": ["auditor", "operator"]},
    {"id": "cho", "name": "Cho", "jobs": []},
    {"id": "dan", "name": "Dan", "jobs": ["operator"], "state": "disabled", "since": "2026-01-01"},
    {"id": "robot", "name": "Robot", "jobs": ["operator"], "kind": "automation", "owner": "ann"},
]
JOBS = {name: {"title": name, "hosts": ["all"]} for name in ("operator", "auditor")}


def policy(**changes: object) -> Policy:
    """Return it, with changes to its VPN."""
    return small(vpn={**VPN, **changes}, pki={"host": "ops"}, identities=PEOPLE, jobs=JOBS)


@dataclass
class Gateway:
    """What the hook goes by, and what it said."""

    settings: dict[str, object]
    folder: Path
    log: list[str] = field(default_factory=list)

    def asked(self, verb: str, *more: str, **told: str) -> int:
        """Ask the hook as OpenVPN would; return its exit code."""
        Path(hook.SETTINGS).write_text(json.dumps(self.settings))
        return hook.main([verb, "udp", *more], told)

    def connect(self, session: str = "s1", state: str = "Initial", **told: str) -> dict[str, list[str]]:
        """Let Ann connect; return what she is given, keyword to arguments; nothing where she is refused."""
        given = self.folder / "given"
        given.unlink(missing_ok=True)
        row = {"common_name": "ann", "username": "ann", "trusted_ip": "198.51.100.7", "trusted_port": "40000"}
        self.asked("connect", str(given), **{**row, "session_id": session, "session_state": state, **told})
        found: dict[str, list[str]] = {}
        for line in given.read_text().splitlines() if given.exists() else ():
            word, _, rest = line.partition(" ")
            found.setdefault(word, []).append(rest)
        return found


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Return a gateway where Ann has a place and nobody left."""
    monkeypatch.setattr(hook, "SETTINGS", str(tmp_path / "people.json"))
    monkeypatch.setattr(management, "FOLDER", str(tmp_path))
    for name in ("udp", "sessions"):
        (tmp_path / name).mkdir()
    settings: dict[str, object] = {
        "site": "small",
        "network": "10.8.0.0/22",
        "session_s": 600,
        "idle_s": 60,
        "people": {"ann": "operator"},
        "jobs": {"operator": {"udp": "10.8.0.64/30", "tcp": "10.8.0.68/30", "routes": ["10.9.4.0/24"]}},
    }
    made = Gateway(settings, tmp_path)
    monkeypatch.setattr(hook.syslog, "syslog", lambda _, text: made.log.append(text))

    def left(_: Mapping[str, object], person: str) -> None:
        if why := hook.refusal({"ann": "operator"}, person, {"hana": ()}, ""):
            raise hook.RefusedError(why)

    # Whether the signed list is believed is shown in tests/unit/pull, on the real thing.
    monkeypatch.setattr(hook, "admitted", left)
    return made
