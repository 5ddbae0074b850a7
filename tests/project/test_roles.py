"""All roles have the same parts, and their specs, defaults and pages say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from haechi.roledoc import render

from .conftest import ROOT

ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
PARTS = {"defaults", "meta", "tasks", "handlers", "templates", "vars", "files", "README.md"}


def options(role: Path) -> dict:
    return yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]


def test_the_roles_of_the_site_exist() -> None:
    """An empty folder would make every other test here pass."""
    assert {"accounts", "baseline", "firewall", "sshd"} <= {role.name for role in ROLES}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
class TestRole:
    def test_has_the_parts_and_no_other(self, role: Path) -> None:
        """Knowing one role is knowing all."""
        assert {path.name for path in role.iterdir()} <= PARTS
        for part in ("defaults/main.yml", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml", "README.md"):
            assert (role / part).is_file(), part

    def test_specs_equal_defaults(self, role: Path) -> None:
        """Every variable is documented and every documented variable exists."""
        defaults = yaml.safe_load((role / "defaults/main.yml").read_text())

        assert sorted(options(role)) == sorted(defaults)

    def test_page_equals_specs(self, role: Path) -> None:
        """The README is what `make docs` writes."""
        assert (role / "README.md").read_text() == render(role)

    def test_variables_carry_the_role_s_name(self, role: Path) -> None:
        """Ansible has no namespaces; the prefix is the namespace."""
        assert all(name.startswith(f"{role.name}_") for name in options(role))

    def test_every_default_says_why(self, role: Path) -> None:
        """A value without the threat it answers will be switched off by the next person."""
        text = (role / "defaults/main.yml").read_text()
        for name in options(role):
            before = text[: re.search(rf"(?m)^{name}:", text).start()].rstrip().splitlines()

            assert before[-1].startswith("#"), name

    def test_has_a_scenario_of_its_name(self, role: Path) -> None:
        """A role nobody converges is a role nobody knows."""
        assert (ROOT / "molecule" / role.name / "molecule.yml").is_file()
        assert list((ROOT / "molecule" / role.name / "tests").glob("test_*.py"))
