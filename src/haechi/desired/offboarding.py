"""What one host does for HR: the receiver in front, which reaches nothing, or the control node that works."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from haechi import sshconfig
from haechi.hr import handover
from haechi.hr.handover import Handover
from haechi.policy.models import Policy
from haechi.policy.provisioning import Hr
from haechi.policy.resolve import keys_of

SECRETS = "/etc/haechi-receive/secrets"
INVENTORY, HOME = "/etc/haechi-work/inventory", "/var/lib/haechi-work"
# What systemd gives a service of root's files, and to it alone (systemd.exec(5), LoadCredential).
CREDENTIALS = "/run/credentials/haechi-receive.service"
STATE = "/var/lib/haechi-receive"
DATABASE_PORT = 5432


def build(policy: Policy, host: str, handed: Handover) -> dict[str, object]:
    """Return the services of a host; ``receive`` and ``work`` are None where they are another's."""
    told: dict[str, object] = {"schema": 1, "receive": None, "work": None}
    if policy.hr is None:
        return told
    if policy.hr.receiver == host:
        told["receive"] = _receive(policy, policy.hr, host, handed)
    if policy.hr.worker == host:
        told["work"] = _work(policy)
    return told


def _receive(policy: Policy, hr: Hr, host: str, handed: Handover) -> dict[str, object]:
    return {
        "port": hr.port,
        "config": _config(policy, hr, host),
        "credentials": sorted(handover.names(hr)),
        "secrets": {f"{SECRETS}/{name}": text for name, text in handed.texts.items()},
        "lacking": list(handed.lacking),
        "ways": _ways(policy, hr),
        "fetches": any(source.keys is not None and source.keys.startswith("https://") for source in hr.heard),
    }


def _work(policy: Policy) -> dict[str, object]:
    state = Path(policy.site.state_dir or f"{HOME}/state/{policy.site.name}")
    # Made here and owned by root: whoever works can change neither its policy nor the way to a host.
    config = sshconfig.render(policy, state, Path(HOME, ".ssh/haechi_ed25519"))
    return {
        "inventory": INVENTORY,
        "files": {f"{INVENTORY}/{sshconfig.FILE_NAME}": config},
        "state": "" if policy.site.state_dir else f"{HOME}/state",
    }


def _config(policy: Policy, hr: Hr, host: str) -> dict[str, Any]:
    """Return what ``haechi.hr.receive`` reads."""
    signers = {who for source in hr.heard for who in source.signers}
    return {
        "address": str(policy.hosts[host].address),
        "port": hr.port,
        "certificate": f"{CREDENTIALS}/tls.pem",
        "key": f"{CREDENTIALS}/tls.key",
        "inbox": hr.database or f"sqlite:///{STATE}/inbox.sqlite",
        "resources": f"{STATE}/resources.sqlite",
        "secrets": CREDENTIALS,
        "signers": {who.id: list(keys_of(policy, who)) for who in policy.identities if who.id in signers},
        "time_zone": hr.time_zone,
        "sources": [source.model_dump(mode="json", exclude_defaults=True) for source in hr.heard],
    }


def _ways(policy: Policy, hr: Hr) -> list[dict[str, object]]:
    """Return the one connection that the receiver may open: to the inbox, where that is on another host of the site."""
    place = urlsplit(hr.database or "")
    named = policy.hosts.get(place.hostname or "")
    return [{"address": str(named.address), "port": place.port or DATABASE_PORT}] if named is not None else []
