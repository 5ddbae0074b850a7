"""The automation's own certificate: for minutes, from the control node and the bastion, fetched once a run at most.

It is preferred and never needed: while there is none, the key that policy names opens the hosts as before, which each
host that is not on the way to the authority reports.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_ssh_public_identity
from cryptography.hazmat.primitives.serialization.ssh import SSHCertificate

from haechi import errand, signing, sshconfig, way
from haechi.desired import pki
from haechi.errand import AnswerError, Errand
from haechi.hostkeys import HostKeyError
from haechi.pki import certificates
from haechi.policy.models import Policy
from haechi.policy.resolve import automation_sources, keys_of

MINUTES = 30
# A run that begins with less would end without; one that failed to get any is not kept waiting for it each time.
LEFT, PATIENCE = timedelta(minutes=10), timedelta(minutes=10)
FAILED = "automation-cert.failed"
SECONDS = 12


def order(policy: Policy, held: Iterable[str] = ()) -> dict[str, Any]:
    """Return what the authority is asked to sign, for the one of policy's keys that is among those ``held`` here.

    Raises ``ValueError`` where policy names no automation or no key.
    """
    who = next(row for row in policy.identities if row.id == sshconfig.automation_id(policy))
    keys = [_bare(key) for key in keys_of(policy, who)]
    if not keys:
        raise ValueError(f"{who.id} has no public key")
    ours = {_bare(key) for key in held}
    return {
        "person": who.id,
        "key": next((key for key in keys if key in ours), keys[0]),
        "principals": list(certificates.principals(policy, who)),
        "minutes": MINUTES,
        "source": ",".join(automation_sources(policy)),
    }


def ensure(policy: Policy, state: Path, inventory: Path, module_utils: Path, now: datetime) -> str:
    """Have a certificate that counts for a while yet; return why there is none, empty where there is one.

    Nothing is asked where policy has no authority, or none was made yet.
    """
    config, kept = inventory / sshconfig.FILE_NAME, state / sshconfig.CERTIFICATE
    if policy.pki is None or not (state / "pki/ssh_user_ca.pub").is_file() or not config.is_file():
        return ""
    if "CertificateFile" not in config.read_text():
        return f"{config} knows no certificate of the automation: write it anew with `haechi ssh-config`"
    if ends(kept) - now > LEFT or _failed_lately(state, now):
        return ""
    try:
        line = fetch(policy, config, module_utils)
    except (AnswerError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        (state / FAILED).touch()
        return f"no certificate for the automation from {policy.pki.host} ({error}): its bare key is used instead"
    signing.swap(kept, f"{line}\n".encode())
    (state / FAILED).unlink(missing_ok=True)
    return ""


def ends(path: Path) -> datetime:
    """Return when a certificate ends; long ago where there is none."""
    try:
        found = load_ssh_public_identity(path.read_bytes())
    except (OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)
    stamp = found.valid_before if isinstance(found, SSHCertificate) else 0
    return datetime.fromtimestamp(min(stamp, 1 << 32), UTC)


def fetch(policy: Policy, config: Path, module_utils: Path) -> str:
    """Return a new certificate from the authority, over one connection.

    Raises ``AnswerError`` or ``OSError`` where none comes.
    """
    host = policy.pki.host if policy.pki else ""
    asked = order(policy, _held(config, host))
    request: Mapping[str, Any] = {"folder": pki.FOLDER, "order": asked, "nonce": secrets.token_hex(16)}
    sent = Errand(request=dict(request), code=errand.pack(module_utils, "pki.errand"))
    options = ("-F", str(config), "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-T", host)
    command = errand.command(sshconfig.automation_id(policy), module="pki.errand")
    argv = ["ssh", *options, command]
    done = subprocess.run(argv, input=sent.text, capture_output=True, check=False, timeout=SECONDS, env=os.environ)
    for line in done.stdout.decode(errors="replace").splitlines():
        document = sent.read(line)
        if document and "certificate" in document:
            return str(document["certificate"])
    raise AnswerError(done.stderr.decode(errors="replace").strip()[-200:] or "no answer")


def _held(config: Path, host: str) -> Iterator[str]:
    """Yield the public halves of the keys that a configuration offers."""
    with suppress(HostKeyError):
        for path in way.find(("-F", str(config)), host).identities:
            with suppress(OSError, UnicodeDecodeError):
                yield path.with_name(f"{path.name}.pub").read_text(encoding="utf-8")


def _bare(key: str) -> str:
    return " ".join(key.split()[:2])


def _failed_lately(state: Path, now: datetime) -> bool:
    try:
        then = datetime.fromtimestamp((state / FAILED).stat().st_mtime, UTC)
    except FileNotFoundError:
        return False
    return timedelta() <= now - then < PATIENCE
