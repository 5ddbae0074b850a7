"""The controller's steps of an onboarding: judge who comes, and after the roles give codes on and keep the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from haechi import onboard, runs, tombstones
from haechi.evidence.recorder import CARRIED
from haechi.mfa import EnrolError, deliver
from haechi.onboard import Arrival, OnboardError
from haechi.policy.models import Policy

_SPEC = {
    "step": {"choices": ["begin", "close"], "required": True},
    "person": {"type": "str", "required": True},
    "rehire": {"type": "bool", "default": False},
    "rehired": {"type": "bool", "default": False},
    "reason": {"type": "str"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: who may come is decided in ``haechi.onboard``, how codes travel in ``haechi.mfa.deliver``."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do one step."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        variables = task_vars or {}
        document = variables["__policy"]["haechi_run"]
        run, policy = runs.read(document), Policy.model_validate(document["policy"])
        try:
            comes = onboard.arrival(run, policy, args["person"], rehire=args["rehire"])
            if args["step"] == "begin":
                return result | self._begin(run, policy, comes, args["reason"])
            comes = replace(comes, rehired=args["rehired"])
            return result | self._close(
                Path(variables["inventory_dir"]), comes, variables["ansible_play_hosts_all"], args
            )
        except (OnboardError, EnrolError, tombstones.TombstoneError) as error:
            raise AnsibleActionFail(f"refused: {error}") from error

    def _begin(self, run: runs.Run, policy: Policy, comes: Arrival, reason: str | None) -> dict[str, Any]:
        """End the force of a tombstone where somebody comes back; return the hosts that the roles are for."""
        if comes.rehired and not reason:
            raise OnboardError(f'{comes.person} left before: say why they come back, -e reason="..."')
        if comes.rehired and self._task.check_mode:
            self._display.display(f"  {comes.person} would be hired again; until then hosts are judged without them")
        elif comes.rehired:
            tombstones.rehire(Path(run.state), comes.person)
        # Who is back stands in the signed list, which the authority's host serves.
        first = (policy.pki.host,) if comes.rehired and policy.pki else ()
        hosts = list(dict.fromkeys((*first, *comes.hosts)))
        return {"changed": comes.rehired, "rehired": comes.rehired, "hosts": hosts}

    def _close(self, inventory: Path, comes: Arrival, played: Sequence[str], args: Mapping[str, Any]) -> dict[str, Any]:
        """Give codes to the hosts that lack them, say what is left to do, and keep the record."""
        seen = deliver.look(inventory, comes.person, comes.hosts) if comes.codes else {}
        lacking = [host for host, state in seen.items() if state == "absent"]
        spread = [host for host in lacking if host in played] if len(lacking) < len(seen) else []
        after, faults = dict(seen) | dict.fromkeys(spread, "present"), {}
        if spread and not self._task.check_mode:
            wanted = {host: state for host, state in seen.items() if state == "present" or host in spread}
            told = deliver.spread(inventory, comes.person, wanted)
            faults = {host: one.fault for host, one in told.items() if one.fault}
            after |= dict.fromkeys(faults, "absent")
        left_out = [host for host in comes.hosts if host not in played]
        for line in onboard.lines(comes, after, str(inventory), left_out):
            self._display.display(line)
        why = {"left_out": left_out, "reason": args["reason"] or "hired"}
        body = comes.record() | {"codes": after, "spread": spread} | why
        diff = [
            {"before_header": host, "before": "", "after": f"one-time codes of {comes.person}\n"} for host in spread
        ]
        result = {"changed": bool(spread), "diff": diff, CARRIED: [{"kind": "run", "body": body}]}
        silent = "; ".join(f"{host}: {why}" for host, why in faults.items())
        return result | (
            {"failed": True, "msg": f"codes are not on every host: {silent}: run this again"} if faults else {}
        )
