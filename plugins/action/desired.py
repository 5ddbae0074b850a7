"""Hand a host its own part of the judged policy, and nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from haechi import handout


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
        return result | {"changed": False, "ansible_facts": {"haechi_desired": {host: document}}}
