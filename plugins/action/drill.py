"""Drill the sealed account: the shares are asked for here, used once, and kept nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase

from haechi import tombstones
from haechi.evidence import EvidenceError
from haechi.evidence.recorder import CARRIED
from haechi.grant import desk
from haechi.seal import SealError, drill

_SPEC = {
    "shares": {"type": "list", "elements": "path", "default": [], "no_log": False},
    "code": {"type": "path"},
    "reason": {"type": "str"},
}
ERRORS = (SealError, EvidenceError, tombstones.TombstoneError)


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what a drill does and says is decided in ``haechi.seal.drill``. In check mode it asks nobody."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Say what would be drilled, or drill it; fail for a host where it did not succeed."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        variables = task_vars or {}
        try:
            where = desk.at(Path(variables["inventory_dir"]))
            hosts = variables["ansible_play_hosts_all"]
            plan = drill.plan(where.asked().policy, where.revoked, where.state, hosts)
            if self._task.check_mode:
                self._say(plan.lines())
                return result | {"changed": True, "hosts": list(plan.hosts)}
            words = drill.given(plan.seal, [Path(path) for path in args["shares"]], self._ask)
            body = drill.carry_out(where, plan, words, self._code(args, plan.seal.account))
        except ERRORS as error:
            raise AnsibleActionFail(str(error)) from error
        self._say(drill.lines(body))
        body["reason"] = args["reason"] or f"the drill that policy asks for every {plan.every_days} days"
        bad = [host for host, row in body["hosts"].items() if row["fault"]]
        result |= {"changed": True, "hosts": list(plan.hosts), CARRIED: [{"kind": drill.KIND, "body": body}]}
        return result | ({"failed": True, "msg": f"the drill failed on {', '.join(bad)}"} if bad else {})

    def _code(self, args: dict[str, Any], account: str) -> str:
        """Return the one-time code of now, where the account has codes; asked for last, since it counts for 30 s."""
        if args["code"]:
            return drill.secret_of(Path(args["code"]))
        return "" if args["shares"] else self._ask(f"one-time code of {account} (empty where it has none)")

    def _ask(self, prompt: str) -> str:
        try:
            typed = self._display.prompt_until(f"{prompt}:", private=True)
        except AnsiblePromptNoninteractive as error:
            raise SealError("nobody is there to type shares: name files of them, -e shares=FILE,FILE") from error
        except AnsiblePromptInterrupt as error:
            raise SealError("interrupted: nothing was tried") from error
        return bytes(typed).decode(errors="replace").strip()

    def _say(self, lines: list[str]) -> None:
        for line in lines:
            self._display.display(line)
