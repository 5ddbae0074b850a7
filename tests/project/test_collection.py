"""The clone is a valid collection, and its versions and dependencies are the ones it says."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import haechi

from .conftest import ROOT, tracked

STUB = ROOT / ".collections/ansible_collections/haechi/guard"
MODULES = sorted((ROOT / "plugins/modules").glob("*.py"))


def test_one_version_everywhere() -> None:
    """The package, the project file and the collection carry one version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    galaxy = yaml.safe_load((STUB / "galaxy.yml").read_text())["version"]

    assert (haechi.__version__, haechi.__version__) == (project, galaxy)


def test_the_links_of_the_collection_lead_into_the_checkout() -> None:
    """A dangling link makes `haechi.guard.*` unknown to Ansible."""
    assert {link.name: link.resolve() for link in STUB.iterdir() if link.is_symlink()} == {
        name: ROOT / name for name in ("plugins", "roles", "playbooks", "README.md", "CHANGELOG.md")
    }


def used_collections() -> set[str]:
    """Return the collections that our YAML names by a task's module."""
    names = set()
    for path in tracked(".yml"):
        if str(path.relative_to(ROOT)).startswith(("roles/", "playbooks/", "molecule/")):
            names |= set(re.findall(r"(?m)^\s*(?:- )?([a-z_]+\.[a-z_]+)\.[a-z_]+:\s*(?:$|\{)", path.read_text()))
    return names - {"ansible.builtin", "haechi.guard"}


def test_requirements_name_what_is_used_at_the_installed_version() -> None:
    """requirements.yml documents the bundle; a version nobody has is a lie."""
    wanted = yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    bundle = Path(find_spec("ansible_collections").submodule_search_locations[0])
    installed = {}
    for entry in wanted:
        manifest = bundle / entry["name"].replace(".", "/") / "MANIFEST.json"
        installed[entry["name"]] = json.loads(manifest.read_text())["collection_info"]["version"]

    assert {entry["name"]: entry["version"] for entry in wanted} == installed
    assert used_collections() == set(installed)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_a_module_s_documentation_equals_its_arguments(path: Path) -> None:
    """What ansible-doc shows is what the module takes."""
    module = importlib.import_module(f"ansible_collections.haechi.guard.plugins.modules.{path.stem}")
    documented = yaml.safe_load(module.DOCUMENTATION)["options"] if "options:" in module.DOCUMENTATION else {}
    public = {name: spec for name, spec in module.ARGUMENT_SPEC.items() if not name.startswith("_")}

    assert sorted(documented) == sorted(public)
    for name, spec in public.items():
        assert documented[name].get("type", "str") == spec.get("type", "str"), name
        assert bool(documented[name].get("required", False)) == bool(spec.get("required", False)), name
        assert documented[name].get("default") == spec.get("default"), name
        assert documented[name].get("choices") == spec.get("choices"), name
