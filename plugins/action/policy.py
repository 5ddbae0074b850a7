"""Judge the policy on the controller and keep what every host must become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible import constants as C  # noqa: N812
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as core_version
from ansible.utils.vars import load_extra_vars

try:
    from haechi import gate, handout, rotation, runs, tombstones
except ImportError as error:  # the one sentence that a missing environment deserves
    raise AnsibleActionFail(
        "haechi is not installed for the Python that runs Ansible: run `make setup`, then `. .venv/bin/activate`"
    ) from error

_SPEC = {
    "needs": {"type": "list", "elements": "str"},
    "documents": {"type": "bool"},
    "certificate": {"type": "bool", "default": False},
    "x509": {"type": "bool", "default": False},
}
MODULE_UTILS = Path(__file__).resolve().parents[1] / "module_utils"
GALAXY = Path(__file__).resolve().parents[2] / ".collections/ansible_collections/haechi/guard/galaxy.yml"


def collection_version() -> str:
    """Return the version of this collection, from the clone's stub or from an installed collection."""
    path = GALAXY if GALAXY.is_file() else Path(__file__).parents[2] / "MANIFEST.json"
    data = yaml.safe_load(path.read_text())
    return str(data.get("collection_info", data)["version"])


class ActionModule(ActionBase):  # type: ignore[misc]
    """Connects to nothing; see the module of the same name for its documentation."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge, and keep every host's documents for ``haechi.guard.desired`` to hand out."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, arguments = self.validate_argument_spec(_SPEC)
        inventory = Path(task_vars["inventory_dir"])
        needs = tuple(arguments["needs"]) if arguments["needs"] is not None else None
        try:
            gate.versions(core_version, collection_version())
            extra = load_extra_vars(self._loader) if context.CLIARGS.get("extra_vars") else {}
            documents = needs is None if arguments["documents"] is None else arguments["documents"]
            passed = gate.judge(inventory, task_vars["groups"]["all"], extra, needs, documents=documents)
        except gate.GateError as error:
            raise AnsibleActionFail(str(error)) from error
        if arguments["x509"] and passed.expired:
            raise AnsibleActionFail(passed.expired)
        handout.keep(Path(C.DEFAULT_LOCAL_TMP), passed.desired)
        warnings = [*passed.warnings, *(self._certified(inventory, passed.run) if arguments["certificate"] else [])]
        # Of the runs that log in, the one that makes hosts what policy says: from then on whoever moved is another.
        warnings += self._moved(passed.run) if documents and arguments["certificate"] else []
        return result | {
            "changed": False,
            "warnings": warnings,
            "haechi_run": passed.run,
            "_ansible_verbose_override": True,
        }

    def _certified(self, inventory: Path, run: dict[str, Any]) -> list[str]:
        """Have the automation's certificate before the first connection; return what is to be said about it."""
        if self._task.check_mode:
            return []
        from haechi.pki import automation  # noqa: PLC0415 -- a leaving asks for none, and shall not wait

        about = runs.read(run)
        why = automation.ensure(about.policy, Path(about.state), inventory, MODULE_UTILS, about.at)
        return [why] if why else []

    def _moved(self, run: dict[str, Any]) -> list[str]:
        """Have written down what somebody knew who changed jobs; return it, to be said once."""
        if self._task.check_mode:
            return []
        about = runs.read(run)
        try:
            return [f"{row.person} moved: {row}" for row in rotation.move(Path(about.state), about.policy, about.at)]
        except (rotation.RotationError, tombstones.TombstoneError) as error:
            return [str(error)]
