"""The controller's steps of an audit: look at each host in one round trip, judge what was seen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask

from haechi import audit, auditrun, runs
from haechi.evidence.recorder import CARRIED
from haechi.guard import proofs

_SPEC = {"step": {"choices": ["look", "judge"], "required": True}}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what is asked and what is judged is decided in ``haechi.audit``."""

    _host = hosttask.Part("posture")
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
        """Ask the host what it is while sshd is asked, over connections of their own, who gets in."""
        host = variables["inventory_hostname"]
        way = self._way(variables)
        with ThreadPoolExecutor(1) as pool:
            logins = pool.submit(auditrun.knock, run, way, host)
            answer = self._posture(auditrun.question(run, host), variables)
            reached, tries = answer.pop("reached", []), answer.pop("tries", [])
            answer["probes"] = auditrun.probes(run, host, reached) + auditrun.tried(run, host, tries) + logins.result()
        told = {"answer": json.dumps(answer), CARRIED: json.dumps(auditrun.seen(answer))}
        return told | {"_ansible_verbose_override": True}

    def _posture(self, question: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        try:
            seen = self._host.perform(self, question, variables)
        except AnsibleConnectionFailure as error:
            return {"unknown": f"unreachable: {str(error).strip().splitlines()[-1]}"}
        except AnsibleError as error:
            return {"unknown": str(error)}
        if "observation" not in seen:
            return {"unknown": str(seen.get("msg") or seen.get("module_stderr") or "no answer").strip()}
        return {"observation": seen["observation"], "reached": seen["probes"], "tries": seen["tries"]}

    def _way(self, variables: dict[str, Any]) -> proofs.Way:
        key = self._templar.template(variables.get("haechi_sentinel_key"))
        return proofs.Way(
            common_args=self._connection.get_option("ssh_common_args") or "",
            host=self._connection.get_option("host"),
            sentinel_key=Path(key) if key else None,
        )

    def _judge(self, run: runs.Run, variables: dict[str, Any]) -> dict[str, Any]:
        """Judge every host of the play, show what is not as it must be, and fail for whatever failed or is unknown."""
        hosts = variables["ansible_play_hosts_all"]
        answers = auditrun.answers(variables)
        ended = auditrun.heard(run, answers, check=self._task.check_mode)
        kept = auditrun.registers(run)
        rows = audit.judge(run, answers, kept)
        for line in [*auditrun.idle(run, answers), *auditrun.lines(rows, hosts)]:
            self._display.display(line)
        documents = [row.document() for row in rows]
        carried = [
            *(("privilege_grant", row) for row in ended),
            *(("record", row) for row in kept),
            *(("verdict", row) for row in documents),
        ]
        result = {"changed": False, CARRIED: json.dumps([{"kind": kind, "body": body} for kind, body in carried])}
        result["written"] = auditrun.keep(run, documents)
        if audit.settled(rows):
            return result
        return result | {"failed": True, "msg": auditrun.verdict(rows)}
