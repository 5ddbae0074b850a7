"""Render a role's mirrored templates on the controller and send the whole tree to the host at once."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.plugin_utils import templates


class ActionModule(ActionBase):  # type: ignore[misc]
    """The controller's half of ``haechi.guard.tree``."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render, then let the module of the same name compare and write."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if "source" not in args:
            raise AnsibleActionFail("tree needs `source`, a folder below the role's templates")
        rendered = templates.tree(self, str(args["source"]))
        modes = args.get("modes") or {}
        unknown = sorted(set(modes) - set(rendered))
        if unknown:
            raise AnsibleActionFail(f"modes of files that no template makes: {', '.join(unknown)}")
        args["absent"] = [*(args.get("absent") or []), *(path for path, text in rendered.items() if not text.strip())]
        args["_files"] = [
            {"path": path, "content": text, "mode": str(modes.get(path, "0644")), "owner": "root", "group": "root"}
            for path, text in rendered.items()
            if text.strip()
        ]
        result.update(self._execute_module(module_name="haechi.guard.tree", module_args=args, task_vars=task_vars))
        return result
