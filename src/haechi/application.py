"""Haechi itself as an application for a host: a part of this checkout, and in ``lib`` what it needs, in one archive.

A host gets neither a package index nor a compiler: what it runs was resolved where the lock is, in its versions.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uv

LOCK, PROJECT = "uv.lock", "pyproject.toml"
EXTRA = "hr"
# The bundle's collections are half a gigabyte, and what works for HR runs none of them.
BUNDLE, CORE, PACKER = "ansible", "ansible-core", "uv"
# A script's first line names the Python of whoever packs it; one longer than 127 bytes stands on two (uv, distlib).
_HEAD = re.compile(rb"\A#!/bin/sh\n'''exec'.*\n' '''\n|\A#!.*\n")


class ApplicationError(Exception):
    """The archive cannot be made; the text says how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """What runs on a host: ``parts`` of the checkout; ``distributions`` are what it imports, theirs come along.

    None of them means all that the project names, but for the bundle of collections and what packs this.
    """

    name: str
    parts: tuple[str, ...]
    distributions: tuple[str, ...] = ()


# Neither Ansible nor a key of SSH: whoever listens to the outside has nothing to reach a host with.
RECEIVE = Application(
    name="receive",
    parts=("src/haechi",),
    distributions=(
        "cryptography",
        "fastapi",
        "httpx",
        "joserfc",
        "limits",
        "psycopg[binary]",
        "pydantic",
        "pyyaml",
        "rfc8785",
        "scim2-models",
        "scim2-server",
        "sqlalchemy",
        "tzdata",
        "uvicorn",
    ),
)
WORK = Application(
    name="work",
    parts=("ansible.cfg", ".collections", LOCK, "playbooks", "plugins", PROJECT, "roles", "src/haechi"),
)


def digest(application: Application, root: Path) -> str:
    """Return what names this very state of an application: of its code, of the lock, of what it is made of."""
    state = hashlib.sha256("\0".join((application.name, *application.distributions)).encode())
    state.update((root / LOCK).read_bytes())
    for entry, data in _entries(application, root):
        state.update(f"{entry.name}\0{entry.linkname}\0{entry.size}\0".encode() + data)
    return state.hexdigest()[:16]


def build(application: Application, root: Path, *, python: str, machine: str) -> bytes:
    """Return the archive (tar, gzip) for a host's Python, such as ``3.13``, and machine, such as ``x86_64``.

    Raises ``ApplicationError``.
    """
    with tempfile.TemporaryDirectory() as folder:
        library, versions = Path(folder, "lib"), Path(folder, "versions.txt")
        exported = ("export", "--frozen", "--no-emit-project", "--no-dev", "--quiet", "--extra", EXTRA)
        _uv(root, *exported, "--output-file", str(versions))
        platform = ("--python-version", python, "--python-platform", f"{machine}-unknown-linux-gnu")
        chosen = ("--target", str(library), "--only-binary", ":all:", "--constraint", str(versions))
        _uv(root, "pip", "install", "--quiet", *platform, *chosen, *(application.distributions or _all(root)))
        return _packed(application, root, library)


def _all(root: Path) -> tuple[str, ...]:
    """Return what the project needs on a control node, Ansible's core in the bundle's place."""
    project = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *project["optional-dependencies"][EXTRA]]
    names = [re.split(r"[~=<>!; ]", line, maxsplit=1)[0] for line in named]
    return (CORE, *(name for name in names if name not in {BUNDLE, PACKER}))


def _entries(application: Application, root: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Yield the parts of the checkout as the archive has them: no owner, no time, nothing that was compiled."""
    for part in application.parts:
        place = root / part
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if "__pycache__" in path.parts or (path.is_dir() and not path.is_symlink()):
                continue
            yield _entry(path, str(path.relative_to(root)))


def _entry(path: Path, name: str) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    if path.is_symlink():
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
        return entry, b""
    data = path.read_bytes()
    entry.size, entry.mode = len(data), 0o755 if os.access(path, os.X_OK) else 0o644
    return entry, data


def _packed(application: Application, root: Path, library: Path) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w:gz", compresslevel=1) as archive:
        for entry, data in _entries(application, root):
            archive.addfile(entry, io.BytesIO(data))
        for path in sorted(library.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                entry, data = _entry(path, f"lib/{path.relative_to(library)}")
                data = _HEAD.sub(b"#!/usr/bin/python3\n", data, count=1) if path.parent.name == "bin" else data
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return kept.getvalue()


def _uv(root: Path, *arguments: str) -> None:
    # Of its own accord uv would fetch a Python.
    command = [uv.find_uv_bin(), *arguments, "--python", sys.executable]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise ApplicationError(f"uv {arguments[0]} failed ({said}): the control node needs its package index for this")
