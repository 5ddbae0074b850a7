"""The errand of one offboarding on one host: its code goes along with it, so nothing has to be installed there.

Sent that way it is always this release's, costs a fifth of an Ansible module on the host, and needs no place that a
leaver with root could have altered beforehand. On the way it is one zip of some 30 kB behind one line of JSON.
"""

from __future__ import annotations

import io
import json
import secrets
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON = "/usr/bin/python3"
# What `plugins/module_utils/accounts/errand.py` imports.
PARTS = ("accounts", "pki", *(f"baseline/{name}.py" for name in ("__init__", "change", "files", "walk")))
_PACKAGE = "ansible_collections/haechi/guard/plugins/module_utils"
# zipimport(3) wants a path: a file in memory has one, and leaves nothing on the host's disk.
# Whoever lives for a fifth of a second needs no collector of garbage.
_BOOT = f"""\
import gc, os, sys
gc.disable()
come = sys.stdin.buffer
line = come.readline().decode()
code = os.memfd_create("haechi")
with open(code, "wb", closefd=False) as kept:
    kept.write(come.read())
sys.path.insert(0, "/proc/self/fd/%d" % code)
from {_PACKAGE.replace("/", ".")}.@PART@ import errand
errand.run(line, lambda text: print(text, flush=True))
"""


class AnswerError(Exception):
    """A host's answer is none: not this errand's, cut short, or a failure that the host itself reports."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What is sent to every host of a run: one request, and the code that carries it out."""

    request: dict[str, Any]
    code: bytes

    @property
    def text(self) -> bytes:
        """Return the whole of it, as the host reads it."""
        return json.dumps(self.request).encode() + b"\n" + self.code

    def read(self, line: str) -> dict[str, Any] | None:
        """Return a document of this errand; none for what a login prints before it.

        Raises ``AnswerError`` for a failure that the host reports.
        """
        try:
            document = json.loads(line)
        except ValueError:
            return None
        if not isinstance(document, dict) or document.get("nonce") != self.request["nonce"]:
            return None
        if "failed" in document:
            raise AnswerError(str(document["failed"]))
        return document


def prepare(person: str, keys: Sequence[str], listed: Mapping[str, str], module_utils: Path, *, check: bool) -> Errand:
    """Return the errand that denies a person, or with ``check`` the one that only looks.

    ``listed`` is the list of everybody who is revoked, for certificates; empty where there is no authority.
    """
    who = {"people": [person], "keys": {person: list(keys)}, "listed": dict(listed)}
    request = {**who, "check": check, "nonce": secrets.token_hex(16)}
    return Errand(request=request, code=pack(module_utils))


def pack(module_utils: Path) -> bytes:
    """Return the code as a zip; every folder on the way to it is a package."""
    kept = io.BytesIO()
    names = _PACKAGE.split("/")
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as file:
        for depth in range(1, len(names) + 1):
            file.writestr("/".join([*names[:depth], "__init__.py"]), "")
        for part in PARTS:
            path = module_utils / part
            for source in sorted(path.glob("*.py")) if path.is_dir() else [path]:
                file.write(source, f"{_PACKAGE}/{source.relative_to(module_utils)}")
    return kept.getvalue()


def command(user: str, python: str = PYTHON, part: str = "accounts") -> str:
    """Return the command that runs the errand of a part as root, whoever logs in with it."""
    root = () if user == "root" else ("sudo", "-n", "--")
    return shlex.join([*root, python, "-I", "-S", "-c", _BOOT.replace("@PART@", part)])
