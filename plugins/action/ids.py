"""The controller's half of ``haechi.guard.ids``: read the rules of others, bring packages, and let the host go on."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.ids import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import apt, hosttask

from haechi.ids import sources


class ActionModule(ActionBase):  # type: ignore[misc]
    """One round trip where nothing is due; rules travel to a host that has others."""

    _host = hosttask.Part("ids")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host; bring what it lacks, and ask again."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        variables = task_vars or {}
        try:
            rules = [sources.read(row, Path(variables["inventory_dir"])) for row in args["desired"]["sources"]]
        except sources.SourceError as error:
            return result | {"failed": True, "msg": f"ids: {error}"}
        asked = {"desired": args["desired"], "sources": [one.row() for one in rules], "rules": ""}
        seen = apt.bring(self, lambda: self._host.perform(self, asked, variables), variables)
        if seen.pop("wanted", None):
            packed = zlib.compress("".join(one.text for one in rules).encode())
            seen = self._host.perform(self, asked | {"rules": base64.b64encode(packed).decode()}, variables)
        return {**result, **seen}
