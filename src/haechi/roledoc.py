"""Render each role's README from its argument specs, so that the page cannot drift from the role.

``python -m haechi.roledoc`` writes the pages; a project test compares them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HEADER = "<!-- Written by `make docs` from meta/argument_specs.yml; edit that file instead. -->"


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _paragraphs(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def _default(value: object) -> str:
    return "required" if value is None else f"`{_cell(value)}`"


def _option_rows(options: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    rows = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    for name, spec in options.items():
        meaning = " ".join(_paragraphs(spec.get("description", "")))
        rows.append(f"| `{name}` | {spec.get('type', 'str')} | {_default(defaults.get(name))} | {_cell(meaning)} |")
    return rows


def render(role: Path) -> str:
    """Return the README of the role in folder ``role`` as Markdown.

    Raises ``FileNotFoundError`` where the role lacks ``meta/argument_specs.yml``.
    """
    spec = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text()) or {}
    body = [HEADER, f"# {role.name}", "", spec["short_description"] + ".", ""]
    for paragraph in _paragraphs(spec.get("description", [])):
        body += [paragraph, ""]
    body += ["## Variables", "", *_option_rows(spec.get("options", {}), defaults), ""]
    return "\n".join(body)


def main() -> None:
    """Write README.md of every role below ./roles."""
    for role in sorted(path for path in Path("roles").iterdir() if (path / "meta/argument_specs.yml").exists()):
        (role / "README.md").write_text(render(role))


if __name__ == "__main__":
    main()
