"""A program that a host runs by itself: a zip of the very code that Ansible sent there, the same bytes each time."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterable

PACKAGE = "ansible_collections.haechi.guard.plugins.module_utils"
# The oldest date that a zip can bear: the same code makes the same file.
_DATE = (1980, 1, 1, 0, 0, 0)


def build(entry: str, names: Iterable[str]) -> bytes:
    """Return a program of the modules so named and loaded here; it calls ``main`` of ``entry`` ("folder.module")."""
    names = [*names]
    folder, _, name = f"{PACKAGE}.{entry}".rpartition(".")
    main = f"import sys\nfrom {folder} import {name}\nsys.exit({name}.main(sys.argv[1:]))\n"
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as file:
        for path, source in sorted({"__main__.py": main, **_sources(names)}.items()):
            made = zipfile.ZipInfo(path, _DATE)
            made.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(made, source)
    return kept.getvalue()


def loaded() -> list[str]:
    """Return the names of all modules of ours that are loaded now."""
    return [name for name in sorted(sys.modules) if name.startswith(f"{PACKAGE}.")]


def _sources(names: Iterable[str]) -> dict[str, str]:
    parts = PACKAGE.split(".")
    found = {"/".join([*parts[:depth], "__init__.py"]): "" for depth in range(1, len(parts) + 1)}
    for name in sorted({*names, *(name.rpartition(".")[0] for name in names)} - {PACKAGE}):
        module = sys.modules[name]
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        if loader is not None:
            end = "/__init__.py" if hasattr(module, "__path__") else ".py"
            found[name.replace(".", "/") + end] = loader.get_source(name) or ""
    return found
