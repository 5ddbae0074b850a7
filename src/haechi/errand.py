"""An errand on one host: its code goes along with it, so nothing has to be installed there.

Sent that way it is always this release's, costs a fifth of an Ansible module on the host, and needs no place that a
leaver with root could have altered beforehand. On the way it is one zip of 20 to 110 kB behind one line of JSON.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import shlex
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

PYTHON = "/usr/bin/python3"
PACKAGE = "ansible_collections.haechi.guard.plugins.module_utils"
# One import of ours, as the formatter writes it; what is imported may be a module or a name in one.
_IMPORT = re.compile(rf"^ *from {re.escape(PACKAGE)}(?:\.([\w.]+))? import (\([^)]*\)|.+)$", re.MULTILINE)
# zipimport(3) wants a path: a file in memory has one, and leaves nothing on the host's disk.
# Whoever lives for a fifth of a second needs no collector of garbage.
_BOOT = f"""\
import gc, importlib, os, sys
gc.disable()
come = sys.stdin.buffer
line = come.readline().decode()
code = os.memfd_create("haechi")
with open(code, "wb", closefd=False) as kept:
    kept.write(come.read())
sys.path.insert(0, "/proc/self/fd/%d" % code)
errand = importlib.import_module("{PACKAGE}.@MODULE@")
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
    return Errand(request=request, code=pack(module_utils, "accounts.errand"))


def task(part: str, asked: Mapping[str, Any], code: bytes, *, check: bool) -> Errand:
    """Return the errand of one task on a host: ``perform`` of a part's module ``task``, which ``code`` must hold.

    Its answer is ``{"result": what perform returned}``.
    """
    request = {"part": part, "asked": dict(asked), "check": check, "nonce": secrets.token_hex(16)}
    return Errand(request=request, code=code)


def pack(module_utils: Path, *modules: str) -> bytes:
    """Return modules and what they import as a zip; every folder on the way to them is a package.

    Modules are named as below ``module_utils``, such as ``accounts.errand``.
    """
    sources = _sources(module_utils, modules)
    folders = {PurePosixPath(path).parents[depth] for path in sources for depth in range(path.count("/"))}
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as file:
        for folder in sorted(folders):
            file.writestr(f"{folder}/__init__.py", "")
        for path, source in sorted(sources.items()):
            file.writestr(path, source)
    return kept.getvalue()


def _sources(module_utils: Path, modules: Iterable[str]) -> dict[str, str]:
    """Return path in the zip to source of modules and of all that they import, also within a function."""
    found: dict[str, str] = {}
    waiting = [*modules]
    while waiting:
        name = waiting.pop().replace(".", "/")
        place, path = module_utils / f"{name}.py", f"{PACKAGE.replace('.', '/')}/{name}.py"
        if path not in found and place.is_file():
            found[path] = place.read_text(encoding="utf-8")
            waiting += _imports(found[path])
    return found


def _imports(source: str) -> Iterator[str]:
    for module, names in _IMPORT.findall(source):
        yield from ([module] if module else [])
        for name in re.findall(r"(\w+)(?: as \w+)?", names):
            yield f"{module}.{name}" if module else name


def command(user: str, python: str = PYTHON, module: str = "accounts.errand") -> str:
    """Return the command that runs a module's errand as root, whoever logs in with it."""
    root = () if user == "root" else ("sudo", "-n", "--")
    return shlex.join([*root, python, "-I", "-S", "-c", _BOOT.replace("@MODULE@", module)])
