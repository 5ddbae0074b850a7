"""An application of Haechi's own on this host: one folder a version, and a link to the one that runs."""

from __future__ import annotations

import compileall
import os
import shutil
import tarfile
from pathlib import Path

FOLDER = Path("/opt")


def current(name: str, folder: Path = FOLDER) -> str:
    """Return the state of an application that runs, by its digest; empty where there is none."""
    link = folder / f"haechi-{name}" / "current"
    return str(link.readlink()) if link.is_symlink() and link.is_dir() else ""


def unpack(name: str, digest: str, archive: Path, folder: Path = FOLDER) -> None:
    """Unpack an archive beside the version that runs, readable for the account of the service.

    Raises ``OSError``, ``EOFError`` or ``tarfile.TarError``; nothing has changed for what runs then.
    """
    # A hardened host's root makes files that nobody else may read.
    before = os.umask(0o022)
    try:
        _unpack(name, digest, archive, folder)
    finally:
        os.umask(before)


def _unpack(name: str, digest: str, archive: Path, folder: Path) -> None:
    home = folder / f"haechi-{name}"
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    made, spare = home / digest, home / f".{digest}.new"
    shutil.rmtree(spare, ignore_errors=True)
    with tarfile.open(archive) as packed:
        packed.extractall(spare, filter="data")
    # The service cannot write here, and would compile anew at each start.
    compileall.compile_dir(spare, quiet=2, workers=0)
    spare.chmod(0o755)
    shutil.rmtree(made, ignore_errors=True)
    spare.rename(made)
    os.sync()


def point(name: str, digest: str, folder: Path = FOLDER) -> None:
    """Have a version run from the next start on, in one step; an empty digest means that none does."""
    home = folder / f"haechi-{name}"
    link = home / ".current.new"
    link.unlink(missing_ok=True)
    if not digest:
        (home / "current").unlink(missing_ok=True)
        return
    link.symlink_to(digest)
    link.rename(home / "current")


def prune(name: str, folder: Path = FOLDER) -> None:
    """Remove every version but the one that runs."""
    home = folder / f"haechi-{name}"
    for old in home.iterdir():
        if old.is_dir() and not old.is_symlink() and old.name != current(name, folder):
            shutil.rmtree(old)
