"""What an errand takes along, as files that any Python finds."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from haechi import errand


def unpack(code: bytes, folder: Path) -> Path:
    """Write the modules into a folder for ``sys.path``; return it."""
    for name, source in errand.sources(code).items():
        parts = name.split(".")
        place = folder.joinpath(*parts, "__init__.py") if source is None else folder.joinpath(*parts).with_suffix(".py")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(source or "")
    return folder


def zipped(code: bytes) -> bytes:
    """Return the modules as a zip for ``sys.path``."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for name, source in errand.sources(code).items():
            made.writestr(name.replace(".", "/") + ("/__init__.py" if source is None else ".py"), source or "")
    return packed.getvalue()
