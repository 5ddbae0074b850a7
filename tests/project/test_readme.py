"""The two READMEs say the same, and every command in them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from haechi import cli

from .conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "README.ko.md"]


def commands(page: Path) -> list[str]:
    """Lines of the page's shell blocks."""
    blocks = re.findall(r"(?ms)^ *```(?:sh|console)\n(.*?)^ *```", page.read_text())
    lines = (line.strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_both_pages_show_the_same_commands() -> None:
    """A Korean reader is told nothing else than an English one."""
    stripped = [[line.split("#")[0].strip() for line in commands(page)] for page in PAGES]

    assert stripped[0] == stripped[1]
    assert stripped[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    """`make X` in the page is a target of the Makefile."""
    targets = set(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text()))
    named = set(re.findall(r"make ([a-z][a-z-]*)", "\n".join(commands(page))))

    assert named
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_playbook_and_inventory_exists(page: Path) -> None:
    """Paths in the page's commands lead somewhere, but for the one the reader makes."""
    named = set(re.findall(r"(?:playbooks|inventories)/[\w./-]+", "\n".join(commands(page))))

    assert named
    for path in named - {"inventories/mysite", "inventories/mysite/"}:
        assert (ROOT / path).exists() or path.startswith("inventories/mysite/"), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_verb_of_the_command_line_exists(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`haechi X` in the page answers to --help."""
    for verb in sorted(set(re.findall(r"haechi ([a-z][a-z-]*)", "\n".join(commands(page))))):
        with pytest.raises(SystemExit) as ended:
            cli.main([verb, "--help"])

        assert ended.value.code == 0, verb
        assert capsys.readouterr().out.startswith(f"usage: haechi {verb}")
