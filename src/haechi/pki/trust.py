"""What every host must trust: the two authorities, its own certificate, and who is revoked.

The public halves are pinned in the state folder when the authority is made. An authority that later presents
another key is refused: whoever could swap it could log in anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from haechi import signing, tombstones
from haechi.pki import listing, revocations
from haechi.policy.models import Policy

FOLDER = "pki"
USER_CA, HOST_CA, HOSTS = "ssh_user_ca.pub", "ssh_host_ca.pub", "hosts"
ROOT, ISSUING = "x509_root.pem", "x509_issuing.pem"
PEOPLE = "vpn_people.pem"


class TrustError(Exception):
    """The authority cannot be trusted as it is; the text says how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What hosts are told. ``user_ca`` is empty while there is no authority: then keys alone get in.

    ``revoked`` is the list of ``haechi.pki.revocations``; ``host_certificates`` maps a host to its certificate line.
    ``listed`` is the signed list that hosts fetch, ``signer`` the line by which they check it; empty before the first.
    ``x509_root`` and ``x509_issuing`` are PEM, empty before the ceremony of ``haechi.pki.root``. ``vpn_people`` is the
    authority of the VPN's people, PEM, empty where there is none.
    """

    user_ca: str = ""
    host_ca: str = ""
    revoked: str = ""
    host_certificates: Mapping[str, str] = field(default_factory=dict)
    listed: str = ""
    signer: str = ""
    x509_root: str = ""
    x509_issuing: str = ""
    vpn_people: str = ""

    def document(self) -> dict[str, Any]:
        """Return the JSON-able form."""
        return asdict(self)


NO_AUTHORITY = Trust()


def read(policy: Policy, state: Path, store: tombstones.Store, at: datetime) -> Trust:
    """Return what is pinned for a site, and who is revoked at a moment."""
    folder = state / FOLDER
    user_ca, host_ca = _text(folder / USER_CA), _text(folder / HOST_CA)
    if policy.pki is None or not user_ca:
        return NO_AUTHORITY
    found = {name: _text(folder / HOSTS / f"{name}-cert.pub") for name, host in policy.hosts.items() if host.managed}
    return Trust(
        user_ca=user_ca,
        host_ca=host_ca,
        revoked=revocations.text(policy, store, at),
        host_certificates={name: line for name, line in found.items() if line},
        listed=listing.current(state),
        signer=listing.signer(state),
        x509_root=_pem(folder / ROOT),
        x509_issuing=_pem(folder / ISSUING),
        vpn_people=_pem(folder / PEOPLE),
    )


def pin(state: Path, seen: Trust) -> bool:
    """Keep what the authority presented; tell whether anything is new.

    Raises ``TrustError`` where it presents another key than the one pinned.
    """
    folder = state / FOLDER
    wanted = {folder / USER_CA: seen.user_ca, folder / HOST_CA: seen.host_ca}
    wanted |= {folder / PEOPLE: seen.vpn_people.strip()} if seen.vpn_people else {}
    for path, line in wanted.items():
        pinned = _text(path)
        if pinned and pinned != line:
            raise TrustError(
                f"the authority presents another key than the one pinned in {path}: is it the host that it was?"
                " If it was made anew on purpose, remove that file, and every certificate must be issued again"
            )
    wanted |= {folder / HOSTS / f"{name}-cert.pub": line for name, line in seen.host_certificates.items()}
    changed = [path for path, line in wanted.items() if _text(path) != line]
    for path in changed:
        _write(path, wanted[path])
    return bool(changed)


def pin_texts(state: Path, texts: Mapping[str, str]) -> None:
    """Keep texts by their names in the folder of what is pinned."""
    for name, text in texts.items():
        _write(state / FOLDER / name, text.rstrip("\n"))


def _pem(path: Path) -> str:
    text = _text(path)
    return f"{text}\n" if text else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


def _write(path: Path, line: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    signing.swap(path, f"{line}\n".encode("ascii"))
