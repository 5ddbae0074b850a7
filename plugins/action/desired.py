"""Hand a host its own part of the judged policy, and nobody else's; judge what was set for its roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.plugin_utils import rolespecs

from haechi import handout

ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Connects to nothing; see the module of the same name for its documentation."""

    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the fact ``haechi_desired``, which holds this host alone."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.validate_argument_spec({})
        host = (task_vars or {})["inventory_hostname"]
        try:
            document = handout.part(Path(C.DEFAULT_LOCAL_TMP), host)
        except handout.HandoutError as error:
            raise AnsibleActionFail(str(error)) from error
        facts = {"haechi_desired": {host: document}}
        self._judge_roles({**(task_vars or {}), **facts})
        # Among the documents is the hash of the sealed account's password: `-v` must not print it.
        return result | {"changed": False, "ansible_facts": facts, "_ansible_no_log": True}

    def _judge_roles(self, variables: dict[str, Any]) -> None:
        """Refuse what somebody set for a role and the role cannot take, before the first role begins."""
        templar = self._templar.copy_with_new_env(available_variables=variables)
        found = list(rolespecs.problems(rolespecs.read(ROLES), variables, templar.template))
        if found:
            raise AnsibleActionFail("variables of the roles are not as their argument specs say: " + "; ".join(found))
