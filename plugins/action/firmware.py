"""The controller's half of ``haechi.guard.firmware``: refuse outside the window, bring packages, tell what was done."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.firmware import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import apt, hosttask

from haechi import window
from haechi.evidence.recorder import CARRIED
from haechi.policy import load


class ActionModule(ActionBase):  # type: ignore[misc]
    """One round trip where nothing is due."""

    _host = hosttask.Part("firmware")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do the step."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        variables = task_vars or {}
        if args["step"] == "window":
            return result | self._window(variables)
        if args["step"] == "install":
            return result | self._install(args, variables)
        asked = {"step": "ensure", "desired": args["desired"]}
        return result | apt.bring(self, lambda: self._host.perform(self, asked, variables), variables)

    def _window(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the window that is open. In check mode, which installs nothing, the next one serves too."""
        policy = load(Path(variables["inventory_dir"])).policy
        try:
            span = window.asked(policy, variables["ansible_play_hosts_all"], datetime.now(UTC), any_time=self._check())
        except window.WindowError as error:
            raise AnsibleActionFail(str(error)) from error
        self._display.display(f"Window of policy: {span}")
        return {"changed": False, "begins": int(span.begins.timestamp()), "ends": int(span.ends.timestamp())}

    def _install(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        seen = self._host.perform(self, {name: args[name] for name in ("step", "begins", "ends")}, variables)
        host, rows = variables["inventory_hostname"], seen.get("devices", [])
        for line in seen.get("changes") or ["no update waits"]:
            self._display.display(f"{host}: {seen.get('msg', line) if seen.get('failed') and not rows else line}")
        if self._check() or not rows:
            return seen
        body = {"what": "firmware", "host": host, "devices": rows}
        return seen | {CARRIED: [{"kind": "run", "body": body}]}

    def _check(self) -> bool:
        return bool(self._task.check_mode)
