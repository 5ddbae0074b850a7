"""What tests of the HR service share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .seeded import Seeded


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Seeded]:
    """Return an empty ledger whose clock stands at 2026-11-24 09:00 UTC."""
    made = Seeded(tmp_path)
    yield made
    made.ledger.close()
