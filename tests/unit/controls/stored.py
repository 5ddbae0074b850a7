"""The cases of tests/cases/controls: one file a control, and in it what is seen and what must be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from haechi.controls import by_id
from haechi.controls.model import Case, Control, Scope, SiteCase

from . import world

FOLDER = world.ROOT / "tests/cases/controls"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is changed in what a hardened host showed (or, for the site, both hosts), and the verdict it must get.

    ``patch`` changes what was seen, ``policy`` what policy says (``world.changed`` tells how). ``revoked`` are leavers.
    ``seen`` is a part of the verdict's own ``seen``. ``records`` are what the run read of sign-offs, as their data.
    ``tries`` are what hosts found of the zone matrix: ``else``, and others as ``address proto/port: result``.
    """

    control: Control
    name: str
    status: str
    seen: str
    host: str = "app1"
    probes: tuple[Mapping[str, Any], ...] = ()
    records: tuple[Mapping[str, Any], ...] = ()
    tries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    patch: tuple[Mapping[str, Any], ...] = ()
    policy: tuple[Mapping[str, Any], ...] = ()
    revoked: tuple[str, ...] = field(default=tuple(world.LEFT))

    def __str__(self) -> str:
        """Return the test's name."""
        return f"{self.control.id}-{self.host}-{self.name}".replace(" ", "_")

    def answers(self) -> dict[str, world.Answer]:
        """Return what was seen, by host."""
        if self.control.scope is not Scope.SITE:
            return {self.host: world.edited(world.answer(self.host, self.probes), self.patch)}
        parts = {host: [c for c in self.patch if c["at"][0] == host] for host in world.HOSTS}
        assert sum(map(len, parts.values())) == len(self.patch), "a change of the site begins with a host"
        return {
            host: world.edited(world.answer(host), [{**c, "at": c["at"][1:]} for c in changes if c["at"][1:]])
            for host, changes in parts.items()
            if {"at": [host], "drop": True} not in changes
        }

    def opened(self, answers: Mapping[str, world.Answer] | None = None) -> Case | SiteCase:
        """Return what the judge looks at."""
        seen, revoked = answers or self.answers(), frozenset(self.revoked)
        if self.control.scope is Scope.SITE:
            by = world.with_policy(world.small_site(), self.policy)
            return world.opened_site(seen, by, revoked, self.records, self.tries)
        own = world.with_policy(world.policy(), self.policy) if self.policy else None
        return world.opened(self.host, seen[self.host], own, revoked)


def files() -> list[Path]:
    """Return the files of cases."""
    return sorted(FOLDER.iterdir())


@cache
def all_cases() -> tuple[Given, ...]:
    """Return the cases of all files, one a host."""
    return tuple(case for path in files() for case in _read(path))


def _read(path: Path) -> Iterator[Given]:
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    assert set(document) <= {"probes", "cases"}, path.name
    for row in document["cases"]:
        for host in row.pop("hosts", ["app1"]):
            words = {name: tuple(_flat(value)) if isinstance(value, list) else value for name, value in row.items()}
            yield Given(control=by_id()[path.stem], host=host, **{"probes": _probes(document, host), **words})


def _flat(rows: list[Any]) -> Iterator[Any]:
    """Yield changes; a list among them is what another case of the file calls by a YAML alias."""
    for row in rows:
        yield from row if isinstance(row, list) else [row]


def _probes(document: Mapping[str, Any], host: str) -> tuple[Mapping[str, Any], ...]:
    found = document.get("probes", [])
    return tuple(found[host] if isinstance(found, dict) else found)
