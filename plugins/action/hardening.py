"""Render the role's mirrored templates on the controller and send them with what else the host must become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.hardening import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask, templates


class ActionModule(ActionBase):  # type: ignore[misc]
    """The controller's half of ``haechi.guard.hardening``."""

    _host = hosttask.Part("baseline")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Render, then let the host compare and apply."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        if args["tree"]:
            args["tree"] = self._rendered(args["tree"])
        return result | self._host.perform(self, args, task_vars or {})

    def _rendered(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """Return a tree with the texts of its templates; one that renders to nothing must be absent."""
        if "source" not in tree:
            raise AnsibleActionFail("tree needs `source`, a folder below the role's templates")
        rendered = templates.tree(self, str(tree["source"]))
        modes = tree.get("modes") or {}
        unknown = sorted(set(modes) - set(rendered))
        if unknown:
            raise AnsibleActionFail(f"modes of files that no template makes: {', '.join(unknown)}")
        empty = [path for path, text in rendered.items() if not text.strip()]
        files = [
            {"path": path, "content": text, "mode": str(modes.get(path, "0644")), "owner": "root", "group": "root"}
            for path, text in rendered.items()
            if text.strip()
        ]
        follow_ups = tree.get("follow_ups") or []
        return {"files": files, "absent": [*(tree.get("absent") or []), *empty], "follow_ups": follow_ups}
