"""The controller's half of ``haechi.guard.edge``: render, bring packages, and let the host go on."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.edge import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import apt, hosttask, templates


class ActionModule(ActionBase):  # type: ignore[misc]
    """One round trip where nothing is due."""

    _host = hosttask.Part("edge")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host; bring the packages that it lacks, and ask again."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        variables = task_vars or {}
        asked = {"desired": args["desired"], "texts": templates.tree(self, "etc")}
        return result | apt.bring(self, lambda: self._host.perform(self, asked, variables), variables)
