"""Rules beside our own: read from a file, a folder, a tar, or a mirror, and judged before a host sees them."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SECONDS, MOST_BYTES = 30, 128 << 20
# Of the rules that come with the role (module_utils/ids/own.py).
OURS = range(1078000, 1078100)
_RULE = re.compile(r"(?:alert|drop|reject|rejectsrc|rejectdst|rejectboth|pass) ")
_SID = re.compile(r"\bsid\s*:\s*(\d+)\s*;")
# `metadata: ... updated_at 2026_11_20` is how Emerging Threats says when a rule was written.
_DATED = re.compile(r"\b(?:updated|created)_at (\d{4})_(\d{2})_(\d{2})\b")


class SourceError(Exception):
    """A source is no source of rules; the text says which and how to mend it."""


@dataclass(frozen=True)
class Rules:
    """What a source holds: rules, a line each, and when the newest of them was written."""

    name: str
    text: str
    issued: datetime

    def row(self) -> dict[str, str]:
        """Return what a host keeps of it beside the rules."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return {"name": self.name, "sha256": digest, "issued": self.issued.isoformat(timespec="seconds")}


def read(source: Mapping[str, Any], inventory: Path) -> Rules:
    """Return the rules of a source of policy (``policy.ids.RuleSource`` as a mapping).

    Raises ``SourceError`` for a place that is not there, holds no rules, or rules with numbers of ours.
    """
    name = source["name"]
    texts, written = _fetched(name, source["url"]) if source["url"] else _files(name, _place(inventory, source["path"]))
    rules = [*_rules(name, "\n".join(texts))]
    if not rules:
        where = source["url"] or _place(inventory, source["path"])
        raise SourceError(
            f"rule source {name}: {where} holds no rule of Suricata; name a .rules file, or a tar of some"
        )
    dated = [datetime(*map(int, found.groups()), tzinfo=UTC) for rule in rules for found in _DATED.finditer(rule)]  # type: ignore[arg-type,misc]
    if source["block"]:
        rules = [f"drop {rule.removeprefix('alert ')}" if rule.startswith("alert ") else rule for rule in rules]
    return Rules(name, "".join(f"{rule}\n" for rule in rules), max(dated, default=written))


def _place(inventory: Path, path: str) -> Path:
    return Path(os.path.normpath(inventory / path))


def _files(name: str, place: Path) -> tuple[list[str], datetime]:
    paths = sorted(place.glob("*.rules")) if place.is_dir() else [place]
    try:
        written = max((path.stat().st_mtime for path in paths), default=0.0)
        if not place.is_dir() and place.name.endswith((".tar.gz", ".tgz", ".tar")):
            texts = _unpacked(name, place.read_bytes())
        else:
            texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    except OSError as error:
        what = f"rule source {name} is unknown: {place}: {error.strerror}"
        raise SourceError(f"{what}; bring the rules there, or name another path in ids.rules") from error
    return texts, datetime.fromtimestamp(written, UTC)


def _fetched(name: str, url: str) -> tuple[list[str], datetime]:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - policy takes https alone
            data = answer.read(MOST_BYTES + 1)
            said = answer.headers.get("Last-Modified")
    except OSError as error:
        raise SourceError(
            f"rule source {name}: {url}: {error}; is the mirror up, and its certificate known?"
        ) from error
    if len(data) > MOST_BYTES:
        raise SourceError(f"rule source {name}: {url} is larger than {MOST_BYTES >> 20} MiB")
    when = datetime.strptime(said, "%a, %d %b %Y %H:%M:%S %Z").replace(tzinfo=UTC) if said else datetime.now(UTC)
    if url.endswith((".tar.gz", ".tgz", ".tar")):
        return _unpacked(name, data), when
    return [data.decode(errors="replace")], when


def _unpacked(name: str, data: bytes) -> list[str]:
    """Return the ``.rules`` in a tar; nothing is written anywhere."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            found = [row for row in tar if row.isfile() and row.name.endswith(".rules") and row.size <= MOST_BYTES]
            files = [(row.name, tar.extractfile(row)) for row in found]
            return [file.read().decode(errors="replace") for _, file in sorted(files, key=lambda row: row[0]) if file]
    except tarfile.TarError as error:
        raise SourceError(f"rule source {name} is no tar: {error}") from error


def _rules(name: str, text: str) -> Iterator[str]:
    """Yield the rules in force, each on one line; a backslash continues a line (Suricata, "Rules Format")."""
    for line in text.replace("\\\n", "").splitlines():
        rule = " ".join(line.split(" ")).strip()
        if not _RULE.match(rule):
            continue
        found = _SID.search(rule)
        if found and int(found[1]) in OURS:
            raise SourceError(f"rule source {name}: sid {found[1]} is one of Haechi's own; take another number")
        yield rule
