"""Every way to get a policy wrong that we know of: one data file each, named by what is wrong."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from haechi.policy import load

CASES = Path(__file__).parents[2] / "cases/validate"
BASE = CASES / "base"
AT = date(2026, 11, 24)


def apply(case: dict, inventory: Path) -> None:
    """Make the case's inventory out of the good one."""
    shutil.copytree(BASE, inventory)
    for edit in case["edits"]:
        path = inventory / "group_vars/all/policy" / edit["file"]
        text = path.read_text()
        assert edit["find"] in text, edit
        path.write_text(text.replace(edit["find"], edit["put"]))
    for name, text in case.get("add", {}).items():
        (inventory / name).parent.mkdir(parents=True, exist_ok=True)
        (inventory / name).write_text(text)
    for name in case.get("remove", []):
        (inventory / name).unlink()


def test_the_base_of_all_cases_is_right() -> None:
    """Otherwise every case below would find what it looks for by accident."""
    loaded = load(BASE, at=AT)

    assert loaded.problems == ()
    assert loaded.policy is not None


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yml")), ids=lambda path: path.stem)
def test_a_wrong_policy_is_told_where_what_and_how_to_mend_it(path: Path, tmp_path: Path) -> None:
    """Exactly the expected problems, each at its file, line and value."""
    case = yaml.load(path.read_text(), yaml.CSafeLoader)
    apply(case, tmp_path / "inventory")

    problems = load(tmp_path / "inventory", case.get("extra_vars", {}), AT).problems

    seen = sorted((p.file, p.line, p.path, p.severity) for p in problems)
    assert sorted((e["file"], e["line"], e["path"], e["severity"]) for e in case["expect"]) == seen
    for expected in case["expect"]:
        at = [p for p in problems if (p.file, p.line, p.path) == (expected["file"], expected["line"], expected["path"])]
        assert any(expected["what"] in p.what and expected["mend"] in p.mend for p in at), at
