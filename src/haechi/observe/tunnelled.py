"""The section of a posture about the VPN of people, on its gateway and on the host of their authority."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from haechi.observe.shape import Section, Text


class Instance(Section):
    """One OpenVPN, by transport. ``directives``: keyword to its arguments, one text a line, as its file has them.

    ``command`` is that of the process, () where none runs. ``stale``: the file was changed after it started.
    """

    by: Text
    active: bool
    enabled: bool
    command: tuple[str, ...]
    stale: bool
    directives: dict[str, tuple[str, ...]]


class Tunnel(Section):
    """One live tunnel."""

    person: Text
    address: Text
    by: Text


class Crl(Section):
    """A revocation list; ``serials`` in hexadecimal."""

    number: Annotated[int, Field(ge=0)]
    issued: AwareDatetime
    ends: AwareDatetime
    serials: tuple[str, ...]


class Certificate(Section):
    """One certificate that was issued."""

    person: Text
    serial: Text
    ends: AwareDatetime


class Vpn(Section):
    """What lets people in by a tunnel. All of it is empty on a host that has nothing to do with it.

    ``silent`` says which OpenVPN did not tell its tunnels. ``pam`` are the lines of its service. ``people`` have a
    place, ``seeds`` have codes. ``session_s`` and ``idle_s`` are what its program goes by, None where it is not there.
    ``issued`` is the authority's register, ``crl`` the list that is in force here, or that the authority signed.
    """

    instances: tuple[Instance, ...]
    tunnels: tuple[Tunnel, ...]
    silent: tuple[str, ...]
    pam: tuple[str, ...]
    people: tuple[str, ...]
    seeds: tuple[str, ...]
    session_s: int | None
    idle_s: int | None
    fetches: bool
    crl: Crl | None
    issued: tuple[Certificate, ...]
