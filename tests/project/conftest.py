"""Fixtures that read this repository as data."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top of the checkout."""
    return ROOT


def tracked(*suffixes: str) -> list[Path]:
    """Files of the checkout that git tracks or would track, links left out."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    paths = (ROOT / line for line in listed)
    return sorted(p for p in paths if p.is_file() and not p.is_symlink() and p.suffix in suffixes)
