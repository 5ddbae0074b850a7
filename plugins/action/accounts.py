"""The controller's half of ``haechi.guard.accounts``: have the host do it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.accounts import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask


class ActionModule(ActionBase):  # type: ignore[misc]
    """One round trip."""

    _host = hosttask.Part("accounts")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Let the host compare and apply."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        return result | self._host.perform(self, args, task_vars or {})
