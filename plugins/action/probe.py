"""The controller's steps of a probe: have each host try the perimeter in one round trip, judge what came of it."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask

from haechi import audit, auditrun, runs
from haechi.evidence.recorder import CARRIED
from haechi.perimeter import told

_SPEC = {"step": {"choices": ["look", "judge"], "required": True}}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what is tried and what is judged is decided in ``haechi.perimeter``."""

    _host = hosttask.Part("probe")
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do one step."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        variables = task_vars or {}
        run = runs.read(variables["__policy"]["haechi_run"])
        if args["step"] == "look":
            return result | self._look(run, variables)
        return result | self._judge(run, variables)

    def _look(self, run: runs.Run, variables: dict[str, Any]) -> dict[str, Any]:
        """Have the host try; one that is not reached has told nothing."""
        host = variables["inventory_hostname"]
        try:
            seen = self._host.perform(self, {"tries": auditrun.question(run, host)["tries"]}, variables)
        except AnsibleConnectionFailure as error:
            seen = {"msg": f"unreachable: {str(error).strip().splitlines()[-1]}"}
        if "tries" not in seen:
            return {"answer": json.dumps({"unknown": f"tried nothing: {seen.get('msg') or 'no answer'}"})}
        rows = auditrun.tried(run, host, seen["tries"])
        carried = [{"kind": "probe", "body": row} for row in rows]
        answer = json.dumps({"probes": rows})
        return {"answer": answer, CARRIED: json.dumps(carried), "_ansible_verbose_override": True}

    def _judge(self, run: runs.Run, variables: dict[str, Any]) -> dict[str, Any]:
        """Show the matrix and what is not as it must be, and fail for whatever failed or is unknown."""
        answers = auditrun.answers(variables, "__probe")
        rows, matrix = audit.judge_perimeter(run, answers)
        shown = told.lines(matrix) if matrix else []
        silent = [f"  {host}: {answer['unknown']}" for host, answer in answers.items() if "unknown" in answer]
        for line in [*shown, *silent, *auditrun.lines(rows, answers)]:
            self._display.display(line)
        documents = [row.document() for row in rows]
        result = {"changed": False, CARRIED: json.dumps([{"kind": "verdict", "body": row} for row in documents])}
        result["written"] = auditrun.keep(run, documents)
        if audit.settled(rows):
            return result
        return result | {"failed": True, "msg": auditrun.verdict(rows)}
