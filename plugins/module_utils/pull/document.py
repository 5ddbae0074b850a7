"""The signed list as a host takes it: whole, by the site's key, of this site, in a form that this release knows."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

SCHEMA = 1
SIGNER, NAMESPACE = "haechi", "haechi-list"
SIGNERS = "/etc/haechi/list.signers"
# Whom a stale list keeps out, one a line; PAM reads it (pull.run), and the VPN does.
REFUSED = "/run/haechi/refused"
MOST = 4 << 20
SECONDS = 5


class ListError(Exception):
    """There is no list that this host may take; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What a verified list says; ``people`` are denied, with the fingerprints of their keys."""

    sequence: int
    issued: datetime
    expires: datetime
    user_ca: str
    revoked: str
    text: str
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read(data: bytes, site: str, signers: str = SIGNERS) -> Listed:
    """Return what a list says.

    Raises ``ListError`` for one that is empty, cut short, altered, another's, or of an unknown form.
    """
    if not data.strip():
        raise ListError("it is empty")
    try:
        text = data.decode("ascii")
        body = json.loads(text)
        signature = body.pop("signature")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ListError("it is cut short or corrupt") from error
    # Before schema and site are looked at: nothing of an unsigned text decides, not even which complaint is made.
    _verify(canonical(body), str(signature), signers)
    if body.get("schema") != SCHEMA:
        raise ListError(f"its schema is {body.get('schema')!r}, and this host reads {SCHEMA}: run site.yml")
    if body.get("site") != site:
        raise ListError(f"it is of the site {body.get('site')!r}, not of {site}")
    try:
        return _listed(body, text)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ListError(f"it is signed, and has another form than this host reads ({error})") from error


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return the bytes that the signature is over, as the control node writes them."""
    return (json.dumps(body, sort_keys=True, separators=(",", ":")) + "\n").encode()


def _listed(body: Mapping[str, Any], text: str) -> Listed:
    return Listed(
        sequence=int(body["sequence"]),
        issued=_time(body["issued"]),
        expires=_time(body["expires"]),
        user_ca=str(body["user_ca"]),
        revoked=str(body["revoked"]),
        text=text,
        people={str(who): tuple(map(str, prints)) for who, prints in body["people"].items()},
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(timezone.utc)  # noqa: UP017 - Python 3.11 on hosts


def _verify(text: bytes, signature: str, signers: str) -> None:
    with tempfile.NamedTemporaryFile() as detached:
        detached.write(signature.encode())
        detached.flush()
        command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", SIGNER, "-n", NAMESPACE, "-s", detached.name]
        try:
            done = subprocess.run(command, input=text, capture_output=True, check=False, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ListError(f"its signature cannot be checked ({error})") from error
    if done.returncode:
        raise ListError("its signature is not the site's")
