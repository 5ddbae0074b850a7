"""An errand on one host: its code goes along with it, so nothing has to be installed there.

Sent that way it is always this release's, costs a fifth of an Ansible module on the host, and needs no place that a
leaver with root could have altered beforehand. On the way it is 15 to 80 kB of sources behind one line of JSON.
"""

from __future__ import annotations

import json
import re
import secrets
import shlex
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON = "/usr/bin/python3"
PACKAGE = "ansible_collections.haechi.guard.plugins.module_utils"
# One import of ours, as the formatter writes it; what is imported may be a module or a name in one.
_IMPORT = re.compile(rf"^ *from {re.escape(PACKAGE)}(?:\.([\w.]+))? import (\([^)]*\)|.+)$", re.MULTILINE)
# What an errand imports before any module of that name in Python's own library.
_LEAN = "lean"
# Python's own way to import from a zip takes as long again as to compile what is in it. Whoever lives for a tenth of a
# second needs no collector of garbage, and nobody to tidy up after it. The umask of a login is closed by the baseline:
# what services of other accounts must read, or run, has its folder open, whichever role made that first.
_BOOT = f"""\
import gc, importlib, json, os, sys, zlib
from importlib.machinery import ModuleSpec
gc.disable()
os.umask(0o022)
come = sys.stdin.buffer
line = come.readline().decode()
sources = json.loads(zlib.decompress(come.read()))
class Brought:
    def find_spec(self, name, path=None, target=None):
        if name in sources:
            spec = ModuleSpec(name, self, origin=name + ".py", is_package=sources[name] is None)
            spec.has_location = True
            return spec
    def create_module(self, spec):
        return None
    def get_source(self, name):
        return sources[name] or ""
    def exec_module(self, module):
        name = module.__name__
        exec(compile(self.get_source(name), module.__file__, "exec", dont_inherit=True), module.__dict__)
sys.meta_path.insert(0, Brought())
errand = importlib.import_module("{PACKAGE}.@MODULE@")
errand.run(line, lambda text: print(text, flush=True))
os._exit(0)
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
    """Return modules and what they import, for ``sources`` to read; every folder on the way to them is a package.

    Modules are named as below ``module_utils``, such as ``accounts.errand``.
    """
    return zlib.compress(json.dumps(_sources(module_utils, modules)).encode())


def sources(code: bytes) -> dict[str, str | None]:
    """Return what ``pack`` packed: each module's name to its source; none for a package."""
    found: dict[str, str | None] = json.loads(zlib.decompress(code))
    return found


def _sources(module_utils: Path, modules: Iterable[str]) -> dict[str, str | None]:
    """Return name to source of modules and of all that they import, also within a function."""
    found: dict[str, str | None] = {file.stem: _text(file) for file in sorted((module_utils / _LEAN).glob("[a-z]*.py"))}
    waiting = [*modules]
    while waiting:
        module = waiting.pop()
        name, place = f"{PACKAGE}.{module}", module_utils / f"{module.replace('.', '/')}.py"
        if name not in found and place.is_file():
            source = _text(place)
            found |= {name: source, **_folders(name)}
            waiting += _imports(source)
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _folders(name: str) -> dict[str, None]:
    parts = name.split(".")
    return {".".join(parts[:depth]): None for depth in range(1, len(parts))}


def _imports(source: str) -> Iterator[str]:
    for module, names in _IMPORT.findall(source):
        yield from ([module] if module else [])
        for name in re.findall(r"(\w+)(?: as \w+)?", names):
            yield f"{module}.{name}" if module else name


def command(user: str, python: str = PYTHON, module: str = "accounts.errand") -> str:
    """Return the command that runs a module's errand as root, whoever logs in with it."""
    root = () if user == "root" else ("sudo", "-n", "--")
    return shlex.join([*root, python, "-I", "-S", "-c", _BOOT.replace("@MODULE@", module)])
