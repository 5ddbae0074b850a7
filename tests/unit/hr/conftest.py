"""What tests of the HR service share."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .ledger.conftest import empty
from .seeded import Seeded

# The models of scim2_models carry docstrings, for which pydantic asks what module each frame of an import is of; and
# Python before 3.13 goes through all that is loaded for each frame of the import machinery: two seconds of these tests.
for _name in ("importlib._bootstrap", "importlib._bootstrap_external"):
    inspect.modulesbyfile[str(Path(f"<frozen {_name}>").absolute())] = _name

__all__ = ["empty", "seeded"]


@pytest.fixture
def seeded(tmp_path: Path, empty: Path) -> Iterator[Seeded]:
    """Return an empty ledger whose clock stands at 2026-11-24 09:00 UTC."""
    shutil.copy(empty, tmp_path)
    made = Seeded(tmp_path)
    yield made
    made.ledger.close()
