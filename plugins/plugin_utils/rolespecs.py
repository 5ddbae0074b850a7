"""Hold the variables of roles against the roles' argument specs, all roles in one task instead of a task each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

Specs = Mapping[str, Mapping[str, Any]]


def read(roles: Path) -> dict[str, dict[str, Any]]:
    """Return role -> its variables' specs, of every role below a folder (ansible's ``meta/argument_specs.yml``)."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
        found[path.parts[-3]] = document["argument_specs"]["main"]["options"]
    return found


def problems(specs: Specs, variables: Mapping[str, Any], template: Callable[[Any], Any]) -> Iterator[str]:
    """Yield what is wrong with those variables that are set; a role that the play lacks sets none."""
    for role, options in specs.items():
        known = {name: spec for name, spec in options.items() if name in variables}
        if known:
            values = template({name: variables[name] for name in known})
            told = ArgumentSpecValidator(known).validate(values, validate_role_argument_spec=True)
            yield from (f"{role}: {text}" for text in told.error_messages)
