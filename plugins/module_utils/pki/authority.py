"""The authority's own keys, the certificates of hosts that are due, and the orders it signs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.accounts import state
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import (
    certificate,
    issuing,
    krl,
    people,
    peopleunits,
    x509,
)
from ansible_collections.haechi.guard.plugins.module_utils.pki.certificate import Certificate, CertificateError
from ansible_collections.haechi.guard.plugins.module_utils.renewal import install

USER, HOST = "ssh_user_ca", "ssh_host_ca"
# Clocks differ by seconds; a certificate that begins later than the host's clock says opens nothing.
EARLIER = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host that gets a certificate; ``key`` is its public key line."""

    name: str
    key: str
    principals: tuple[str, ...]


@dataclass(frozen=True)
class Due:
    """A certificate that must be made, and why."""

    host: Host
    why: str


def ensure(desired: Mapping[str, Any], now: datetime, *, check: bool) -> dict[str, Any]:
    """Make the keys and certificates of the desired document; return a module's result with what is public.

    Raises ``CertificateError`` or ``OSError``.
    """
    folder, days = Path(desired["folder"]), int(desired["host_days"])
    hosts = [Host(name=row["name"], key=row["key"], principals=tuple(row["principals"])) for row in desired["hosts"]]
    absent, open_ = missing(folder), open_keys(folder)
    signed = due(folder, hosts, days, now)
    changes = [
        *(f"{name}: absent -> made" for name in absent),
        *(f"{path}: open to others -> root's alone" for path in open_),
        *(f"certificate of {one.host.name}: {one.why} -> signed" for one in signed),
    ]
    if not check:
        make(folder, absent, desired["site"])
        shut(folder)
        for one in signed:
            certify(folder, one.host, days, now)
    more, told = issuing.ensure(folder, desired.get("x509"), check=check)
    also, of_people = people.ensure(folder, desired.get("people"), check=check)
    plans = [install.on_authority(folder, desired.get("renewal"))]
    plans += [peopleunits.plan(desired["people"])] if desired.get("people") else []
    changes += [*more, *also, *(line for plan in plans for line in plan.lines())]
    for plan in () if check else plans:
        install.apply(plan)
    steps = [step for plan in plans for step in plan.steps]
    diff = [{"prepared": _lines(changes)}, *map(tree.diff, steps)]
    result: dict[str, Any] = {"changed": bool(changes or steps), "changes": changes, "diff": diff}
    if check and absent:
        return result
    keys = {"user_ca": public(folder, USER), "host_ca": public(folder, HOST)}
    return {**result, **keys, **told, **of_people, "certificates": certificates(folder, hosts)}


def _lines(rows: Sequence[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def missing(folder: Path) -> list[str]:
    """Return which of the authority's keys are not there."""
    return [name for name in (USER, HOST) if not (folder / name).is_file()]


def make(folder: Path, names: Sequence[str], site: str) -> None:
    """Make keys that only root can read.

    Raises ``CertificateError`` where ssh-keygen fails.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in names:
        certificate.keygen("-q", "-t", "ed25519", "-N", "", "-C", f"{name} of {site}", "-f", str(folder / name))


def open_keys(folder: Path) -> list[str]:
    """Return the folder and keys that others than root could read."""
    places = [folder, *(folder / name for name in (USER, HOST))]
    seen = [(place, place.stat()) for place in places if place.exists()]
    return [str(place) for place, stat in seen if stat.st_uid or stat.st_mode & 0o077]


def shut(folder: Path) -> None:
    """Take the keys from everybody but root."""
    for place, mode in ((folder, 0o700), (folder / USER, 0o600), (folder / HOST, 0o600)):
        files.set_mode(str(place), mode, "root", "root")


def public(folder: Path, name: str) -> str:
    """Return the public half of a key, its type and its body, derived from the private half.

    Raises ``CertificateError`` where the private half cannot be read.
    """
    return " ".join(certificate.keygen("-y", "-f", str(folder / name)).split()[:2])


def due(folder: Path, hosts: Sequence[Host], days: int, now: datetime) -> list[Due]:
    """Return whose certificate is missing, says something else, or has less than a third of its life left."""
    found = [(host, _why(folder, host, days, now)) for host in hosts]
    return [Due(host, why) for host, why in found if why]


def _why(folder: Path, host: Host, days: int, now: datetime) -> str:
    path, key = _certificate(folder, host.name), folder / "hosts" / f"{host.name}.pub"
    if not path.is_file() or not key.is_file():
        return "missing"
    try:
        seen = certificate.read(str(path))
    except CertificateError:
        return "damaged"
    authority = state.fingerprint(public(folder, HOST)) if (folder / HOST).is_file() else None
    expected = (host.key, host.name, set(host.principals), authority)
    if (key.read_text().strip(), seen.id, set(seen.principals), seen.ca) != expected:
        return "says something else"
    return f"ends {seen.ends:%Y-%m-%d}" if seen.ends - now < timedelta(days=days) / 3 else ""


def certify(folder: Path, host: Host, days: int, now: datetime) -> None:
    """Sign a host's certificate and keep it.

    Raises ``CertificateError`` where ssh-keygen refuses.
    """
    span = _span(now, timedelta(days=days))
    options = ("-h", "-I", host.name, "-n", ",".join(host.principals), "-V", span, "-z", str(int(now.timestamp())))
    line, _ = certificate.sign(str(folder / HOST), host.key, options)
    for path, text in ((folder / "hosts" / f"{host.name}.pub", host.key), (_certificate(folder, host.name), line)):
        files.write(str(path), f"{text}\n".encode(), mode=0o600, uid=0, gid=0)


def certificates(folder: Path, hosts: Sequence[Host]) -> dict[str, str]:
    """Return the certificate line of each host that has one."""
    found = {host.name: _certificate(folder, host.name) for host in hosts}
    return {name: path.read_text().strip() for name, path in found.items() if path.is_file()}


def issue(folder: Path, order: Mapping[str, Any], now: datetime) -> tuple[str, Certificate]:
    """Sign a person's certificate under the next number and write it down first.

    ``source``, if any, are the addresses that it counts from.
    Raises ``CertificateError`` for whoever is revoked here: the list of this host is asked, whatever the order says.
    """
    person, key = str(order["person"]), str(order["key"])
    _refuse_revoked(person, key)
    with _locked(folder):
        serial = _next(folder)
        record = {"serial": serial, "at": now.isoformat(timespec="seconds"), **order}
        # Before it is signed: a crash may lose a number, and never a certificate that nobody knows of.
        x509.append(folder / "issued.jsonl", json.dumps(record, sort_keys=True))
        span = _span(now, timedelta(minutes=int(order["minutes"])))
        # ssh-keygen gives every right that is not cleared, agent and X11 forwarding too (ssh-keygen(1), -O).
        rights: tuple[str, ...] = ("-O", "clear", "-O", "permit-pty", "-O", "permit-port-forwarding")
        rights += ("-O", f"source-address={order['source']}") if order.get("source") else ()
        names = ",".join(order["principals"])
        options = ("-I", person, "-n", names, "-V", span, "-z", str(serial), *rights)
        return certificate.sign(str(folder / USER), key, options)


def _refuse_revoked(person: str, key: str) -> None:
    revoked = krl.entries()
    if revoked is None:
        raise CertificateError(f"{krl.KRL} cannot be read, so nobody knows who left: run site.yml on this host")
    if revoked & krl.rows(f"id: {person}\nhash: {state.fingerprint(key)}"):
        raise CertificateError(f"{person} or this key is revoked: nothing was issued")


def _span(now: datetime, life: timedelta) -> str:
    begin, end = (moment.astimezone(timezone.utc) for moment in (now - EARLIER, now + life))  # noqa: UP017
    # Without the Z it would be a time of the host's zone (ssh-keygen(1), -V).
    return f"{begin:%Y%m%d%H%M%S}Z:{end:%Y%m%d%H%M%S}Z"


def _certificate(folder: Path, name: str) -> Path:
    return folder / "hosts" / f"{name}-cert.pub"


def _next(folder: Path) -> int:
    path = folder / "serial"
    number = int(path.read_text()) + 1 if path.is_file() else 1
    files.write(str(path), f"{number}\n".encode(), mode=0o600, uid=0, gid=0)
    return number


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
