"""A store with runs in it, and places to copy to."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi.evidence.place import FolderPlace
from haechi.evidence.store import Store


@pytest.fixture
def second(tmp_path: Path) -> FolderPlace:
    """Return a second place on this machine."""
    folder = tmp_path / "second"
    folder.mkdir()
    return FolderPlace(folder=folder, site="base")


@pytest.fixture
def store(tmp_path: Path, second: FolderPlace) -> Store:
    """Return the empty store of a site."""
    return Store(tmp_path / "state", second)


def closed(store: Store, records: int = 5, verb: str = "audit") -> str:
    """Make a run of some records between begin and end, and return its name."""
    policy = store.put(b'{"site":{"name":"base"}}')
    writer = store.begin(verb, {"policy": policy}, policy)
    for number in range(records):
        writer.add("posture", {"subject": f"host{number}", "seen": "글"})
    assert writer.close({"hosts": {}}).pending == ""
    return writer.run
