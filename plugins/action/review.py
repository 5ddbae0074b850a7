"""Make the review of access from what all hosts of the play answered, on the control node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from haechi import auditrun, runs
from haechi.evidence import EvidenceError
from haechi.evidence.recorder import CARRIED
from haechi.review import ReviewError, build, stored, told, write

_SPEC = {"out": {"type": "path", "default": "artifacts/review"}}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what a review says is decided in ``haechi.review``. In check mode it writes nothing."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make it, show the differences, write page and sheet, and fail for whatever is open."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        variables = task_vars or {}
        run = runs.read(variables["__policy"]["haechi_run"])
        try:
            review = build.build(run, auditrun.answers(variables))
            paths = [] if self._task.check_mode else write.write(review, Path(args["out"]).absolute())
        except (ReviewError, EvidenceError) as error:
            raise AnsibleActionFail(str(error)) from error
        for line in [*told.lines(review), *(f"  {path}" for path in paths)]:
            self._display.display(line)
        made = {"changed": False, "paths": [str(path) for path in paths], "sha256": review.sha256}
        result |= made | {CARRIED: [{"kind": stored.REVIEW, "body": review.record()}]}
        complaint = told.complaint(review)
        return result | ({"failed": True, "msg": complaint} if complaint else {})
