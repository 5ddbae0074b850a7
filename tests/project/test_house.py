"""The house's own figures: size, broad handlers, programming in YAML."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .conftest import ROOT, tracked

PRODUCT = [p for p in tracked(".py") if not str(p.relative_to(ROOT)).startswith(("tests/", "molecule/"))]
YAML_FILES = [p for p in tracked(".yml") if str(p.relative_to(ROOT)).startswith(("roles/", "playbooks/"))]


@dataclass
class Figures:
    """What was counted in the product's files; handlers are ``file:line`` with whether they catch everything."""

    lengths: list[int] = field(default_factory=list)
    handlers: dict[str, bool] = field(default_factory=dict)


@pytest.fixture(scope="module")
def figures() -> Figures:
    found = Figures()
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.lengths.append(node.end_lineno - node.lineno + 1)
            elif isinstance(node, ast.ExceptHandler):
                found.handlers[f"{name_of(path)}:{node.lineno}"] = catches_all(node)
    return found


def catches_all(handler: ast.ExceptHandler) -> bool:
    kind = handler.type
    return kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_functions_are_small(figures: Figures) -> None:
    """95 of 100 functions fit a screen of 40 lines."""
    assert sorted(figures.lengths)[int(len(figures.lengths) * 0.95)] <= 40


def test_a_python_file_is_at_most_300_lines() -> None:
    """A longer file holds two things."""
    lines = {name_of(path): path.read_text().count("\n") for path in tracked(".py")}

    assert len(lines) > len(PRODUCT) > 0
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_a_task_file_is_at_most_60_lines() -> None:
    """A longer task file is a second role."""
    long = [str(p.relative_to(ROOT)) for p in YAML_FILES if "/tasks/" in str(p) and p.read_text().count("\n") > 60]

    assert long == []


def test_a_module_is_documentation_and_at_most_80_lines() -> None:
    """Logic in a module cannot be tested without Ansible."""
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        tree = ast.parse(path.read_text())
        docs = sum(
            node.end_lineno - node.lineno + 1
            for node in tree.body
            if isinstance(node, ast.Assign) and node.targets[0].id in {"DOCUMENTATION", "EXAMPLES", "RETURN"}
        )

        assert path.read_text().count("\n") - docs <= 80, path.name


def test_nothing_swallows_every_exception(figures: Figures) -> None:
    """A handler for everything hides the one failure that matters."""
    assert figures.handlers
    assert [place for place, everything in figures.handlers.items() if everything] == []


def test_no_programming_in_yaml() -> None:
    """set_fact is at most 3 %, command and shell at most 5 % of the tasks, ignore_errors none."""
    text = "\n".join(path.read_text() for path in YAML_FILES)
    tasks = len(re.findall(r"(?m)^\s*- name:", text))

    assert tasks > 0
    assert len(re.findall(r"(?m)^\s*(?:ansible\.builtin\.)?set_fact:", text)) <= tasks * 0.03
    assert len(re.findall(r"(?m)^\s*(?:ansible\.builtin\.)?(?:command|shell|raw):", text)) <= tasks * 0.05
    assert "ignore_errors" not in text


def test_the_product_stands_alone() -> None:
    """Nothing reads a folder beside the checkout or names a machine it was written on."""
    for path in tracked(".py", ".yml", ".md", ".toml", ".cfg", ".j2", ".sh"):
        if path == Path(__file__).resolve():
            continue
        text = path.read_text()

        assert "../shared" not in text, path
        assert "/work/" not in text, path
