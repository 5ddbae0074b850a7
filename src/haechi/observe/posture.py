"""A posture: one read-only look at a host, its sections read one by one.

A section that is missing, was not readable on the host, or has another shape than ``sections`` says, is unknown:
whoever asks for it gets ``UnknownError`` with the reason, and no verdict can be pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from haechi.observe import (
    certified,
    counted,
    edge,
    factor,
    flashed,
    found,
    granted,
    inspected,
    listed,
    recorded,
    serving,
    tunnelled,
)
from haechi.observe import sections as s
from haechi.observe.observation import Kind, Observation

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")


class UnknownError(Exception):
    """What was asked was not seen; the text says why."""


class Posture:
    """The typed door to one posture observation."""

    def __init__(self, observation: Observation) -> None:
        """Keep the sections as they came; each is judged when it is asked for."""
        self._sections = _mapping(observation.data.get("sections"))

    def _read(self, name: str, model: type[Model]) -> Model:
        return self._parsed(name, model.model_validate_json)

    def _checked(self, name: str, adapter: TypeAdapter[T]) -> T:
        return self._parsed(name, adapter.validate_json)

    def _parsed(self, name: str, parse: Callable[[str], T]) -> T:
        section = _mapping(self._sections.get(name))
        if "unknown" in section:
            raise UnknownError(f"{name}: {section['unknown']}")
        if "seen" not in section:
            raise UnknownError(f"{name}: not in the observation")
        try:
            # JSON has lists and no tuples; strictness is the models' own.
            return parse(_json(section["seen"]))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise UnknownError(f"{name}: {place}: {first['msg']}") from error

    @cached_property
    def host(self) -> s.Host:
        """Return the section of that name."""
        return self._read("host", s.Host)

    @cached_property
    def accounts(self) -> s.Accounts:
        """Return the section of that name."""
        return self._read("accounts", s.Accounts)

    @cached_property
    def sshd(self) -> s.Sshd:
        """Return the section of that name."""
        return self._read("sshd", s.Sshd)

    @cached_property
    def firewall(self) -> s.Firewall:
        """Return the section of that name."""
        return self._read("firewall", s.Firewall)

    @cached_property
    def flows(self) -> counted.Flows:
        """Return the section of that name."""
        return self._read("flows", counted.Flows)

    @cached_property
    def pam(self) -> s.Pam:
        """Return the section of that name."""
        return self._read("pam", s.Pam)

    @cached_property
    def factors(self) -> factor.Factors:
        """Return the section of that name."""
        return self._read("factors", factor.Factors)

    @cached_property
    def settings(self) -> s.Settings:
        """Return the section of that name."""
        return self._read("settings", s.Settings)

    @cached_property
    def sudo(self) -> s.Sudo:
        """Return the section of that name."""
        return self._read("sudo", s.Sudo)

    @cached_property
    def modes(self) -> found.Modes:
        """Return the section of that name."""
        return self._read("modes", found.Modes)

    @cached_property
    def walk(self) -> found.Walk:
        """Return the section of that name."""
        return self._read("walk", found.Walk)

    @cached_property
    def units(self) -> s.Units:
        """Return the section of that name."""
        return self._read("units", s.Units)

    @cached_property
    def packages(self) -> s.Packages:
        """Return the section of that name."""
        return self._read("packages", s.Packages)

    @cached_property
    def sysctl(self) -> s.Sysctl:
        """Return the section of that name."""
        return self._read("sysctl", s.Sysctl)

    @cached_property
    def login(self) -> s.Login:
        """Return the section of that name."""
        return self._read("login", s.Login)

    @cached_property
    def clock(self) -> s.Clock:
        """Return the section of that name."""
        return self._read("clock", s.Clock)

    @cached_property
    def journal(self) -> s.Journal:
        """Return the section of that name."""
        return self._read("journal", s.Journal)

    @cached_property
    def guard(self) -> s.Guard:
        """Return the section of that name."""
        return self._read("guard", s.Guard)

    @cached_property
    def logins(self) -> s.Logins:
        """Return the section of that name."""
        return self._read("logins", s.Logins)

    @cached_property
    def jobs(self) -> s.Jobs:
        """Return the section of that name."""
        return self._read("jobs", s.Jobs)

    @cached_property
    def timers(self) -> s.Timers:
        """Return the section of that name."""
        return self._read("timers", s.Timers)

    @cached_property
    def homes(self) -> tuple[s.Home, ...]:
        """Return the section of that name."""
        return self._checked("homes", TypeAdapter(s.Homes))

    @cached_property
    def keys(self) -> tuple[s.KeyFile, ...]:
        """Return the section of that name."""
        return self._checked("keys", TypeAdapter(tuple[s.KeyFile, ...]))

    @cached_property
    def certificates(self) -> certified.Certificates:
        """Return the section of that name."""
        return self._read("certificates", certified.Certificates)

    @cached_property
    def recorder(self) -> recorded.Recorder:
        """Return the section of that name."""
        return self._read("recorder", recorded.Recorder)

    @cached_property
    def x509(self) -> recorded.X509:
        """Return the section of that name."""
        return self._read("x509", recorded.X509)

    @cached_property
    def services(self) -> serving.Services:
        """Return the section of that name."""
        return self._read("services", serving.Services)

    @cached_property
    def edge(self) -> edge.Edge:
        """Return the section of that name."""
        return self._read("edge", edge.Edge)

    @cached_property
    def revocations(self) -> listed.Revocations:
        """Return the section of that name."""
        return self._read("revocations", listed.Revocations)

    @cached_property
    def vpn(self) -> tunnelled.Vpn:
        """Return the section of that name."""
        return self._read("vpn", tunnelled.Vpn)

    @cached_property
    def firmware(self) -> flashed.Firmware:
        """Return the section of that name."""
        return self._read("firmware", flashed.Firmware)

    @cached_property
    def ids(self) -> inspected.Ids:
        """Return the section of that name."""
        return self._read("ids", inspected.Ids)

    @cached_property
    def sockets(self) -> tuple[s.Socket, ...]:
        """Return the section of that name."""
        return self._checked("sockets", TypeAdapter(s.Sockets))

    @cached_property
    def mounts(self) -> tuple[s.Mount, ...]:
        """Return the section of that name."""
        return self._checked("mounts", TypeAdapter(s.Mounts))

    @cached_property
    def sessions(self) -> tuple[s.Session, ...]:
        """Return the section of that name."""
        return self._checked("sessions", TypeAdapter(tuple[s.Session, ...]))

    @cached_property
    def grants(self) -> tuple[granted.Grant, ...]:
        """Return the section of that name."""
        return self._checked("grants", TypeAdapter(tuple[granted.Grant, ...]))

    @cached_property
    def alarms(self) -> tuple[granted.Alarm, ...]:
        """Return the section of that name."""
        return self._checked("alarms", TypeAdapter(tuple[granted.Alarm, ...]))


def open_posture(raw: object, *, host: str, nonce: str, host_key: str | None) -> Posture:
    """Return the posture of ``host`` in a raw answer.

    Raises ``UnknownError`` for whatever is no posture, is another host's, answers another run, or comes from a machine
    with another host key than the pinned one (``host_key``; None where none is pinned).
    """
    try:
        observation = _envelope(raw)
    except ValidationError as error:
        raise UnknownError(
            f"no observation: {error.errors(include_url=False, include_input=False)[0]['msg']}"
        ) from error
    if observation.kind is not Kind.POSTURE or observation.subject != host:
        raise UnknownError(f"an observation of {observation.kind} {observation.subject}, not the posture of {host}")
    if observation.nonce != nonce:
        raise UnknownError("an answer to another run")
    posture = Posture(observation)
    if host_key is not None and posture.host.host_key != host_key:
        raise UnknownError(f"the machine that answered has host key {posture.host.host_key}, pinned is {host_key}")
    return posture


def _envelope(raw: object) -> Observation:
    """Return an answer whose envelope is in order; its sections, a hundred kilobytes, wait until they are asked for."""
    data = raw.get("data") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(data, dict):
        return Observation.model_validate_json(_json(raw))
    return Observation.model_validate_json(_json({**raw, "data": {}})).model_copy(update={"data": data})


def _json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnknownError(f"not JSON: {error}") from error


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
