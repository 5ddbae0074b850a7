"""The house's own figures: size, broad handlers, programming in YAML."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from .conftest import ROOT, tracked

PRODUCT = [p for p in tracked(".py") if not str(p.relative_to(ROOT)).startswith(("tests/", "molecule/"))]
YAML_FILES = [p for p in tracked(".yml") if str(p.relative_to(ROOT)).startswith(("roles/", "playbooks/"))]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_functions_are_small() -> None:
    """95 of 100 functions fit a screen of 40 lines."""
    lengths = sorted(node.end_lineno - node.lineno + 1 for path in PRODUCT for node in functions(path))

    assert lengths[int(len(lengths) * 0.95)] <= 40


@pytest.mark.parametrize("path", tracked(".py"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_python_file_is_at_most_300_lines(path: Path) -> None:
    """A longer file holds two things."""
    assert path.read_text().count("\n") <= 300


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


@pytest.mark.parametrize("path", PRODUCT, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_swallows_every_exception(path: Path) -> None:
    """A handler for everything hides the one failure that matters."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert not (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})


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
