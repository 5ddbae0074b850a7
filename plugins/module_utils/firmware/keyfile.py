"""fwupd's files of keys and values. Pure texts: what a site set beside ours stays as it is."""

from __future__ import annotations

from collections.abc import Mapping


def read(text: str, section: str) -> dict[str, str]:
    """Return a section's keys; of a key that stands twice the last counts (GKeyFile)."""
    return {key: line.partition("=")[2].strip() for here, key, line in _rows(text) if here == section and key}


def everything(text: str) -> dict[str, str]:
    """Return all keys, each as ``section.key``."""
    return {f"{here}.{key}": line.partition("=")[2].strip() for here, key, line in _rows(text) if key}


def merged(text: str, section: str, values: Mapping[str, str]) -> str:
    """Return the text with a section's keys set, and every other line as it was."""
    now = read(text, section)
    if all(now.get(key) == value for key, value in values.items()):
        return text
    ours = [f"{key}={value}" for key, value in values.items()]
    kept: list[str] = []
    for here, key, line in _rows(text):
        if here != section or key not in values:
            kept.append(line)
        if ours and line.strip() == f"[{section}]":
            kept += ours
            ours = []
    return "".join(f"{line}\n" for line in (*kept, *([f"[{section}]", *ours] if ours else [])))


def _rows(text: str) -> list[tuple[str, str, str]]:
    """Return each line with its section, and the key that it sets or ""."""
    found, here = [], ""
    for line in text.splitlines():
        said = line.strip()
        if said.startswith("[") and said.endswith("]"):
            here = said[1:-1]
        sets = "=" in said and not said.startswith(("#", "["))
        found.append((here, said.partition("=")[0].strip() if sets else "", line))
    return found
