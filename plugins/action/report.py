"""Write the report of the site's last audit, on the control node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from haechi.evidence import FOLDER, EvidenceError
from haechi.report import write

_SPEC = {
    "run": {"type": "dict", "required": True},
    "audit": {"type": "str"},
    "out": {"type": "path", "default": "artifacts/report"},
    "formats": {"type": "list", "elements": "str", "default": list(write.FORMATS)},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what a report holds is decided in ``haechi.report``. In check mode it says what it would write."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write it and return where it is."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        out = Path(args["out"]).absolute()
        try:
            formats = write.known(args["formats"])
            if self._task.check_mode:
                return result | {"changed": True, "paths": [str(out / name) for name in write.names(formats)]}
            folder = Path(args["run"]["state"]) / FOLDER
            written = write.write(folder, out, audit=args["audit"], formats=formats)
        except (EvidenceError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from error
        for path in written.paths:
            self._display.display(f"  {path}")
        told = {"changed": True, "paths": [str(path) for path in written.paths], "audit": written.report.meta.run}
        return result | told | ({"failed": True, "msg": written.complaint} if written.complaint else {})
