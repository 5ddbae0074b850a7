"""The controller's half of ``haechi.guard.certificate``: judge the request, keep the certificate, record the issue."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from haechi import tombstones
from haechi.evidence.recorder import CARRIED
from haechi.pki import certificates
from haechi.policy import load, state_dir
from haechi.policy.resolve import day_of, on_day

_SPEC = {
    "person": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},
    "jobs": {"type": "list", "elements": "str", "default": []},
    "minutes": {"type": "int"},
    "out": {"type": "str", "required": True},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: who may have what is decided in ``haechi.pki.certificates``."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge, have it signed, keep it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        variables = task_vars or {}
        policy = load(Path(variables["inventory_dir"])).policy
        if policy is None:
            raise AnsibleActionFail("the policy cannot be read: run playbooks/validate.yml")
        policy = on_day(policy, day_of(datetime.now(UTC)))
        asked = {name: args[name] for name in ("person", "key", "minutes")}
        request = certificates.Request(jobs=tuple(args["jobs"]), **asked)
        try:
            order = certificates.order(policy, tombstones.revoked(state_dir(policy)), request)
        except (certificates.CertificateError, tombstones.TombstoneError) as error:
            raise AnsibleActionFail(str(error)) from error
        folder = variables["haechi_desired"][variables["inventory_hostname"]]["pki"]["folder"]
        wanted = {**asdict(order), "principals": list(order.principals), "folder": folder, "out": args["out"]}
        seen: dict[str, Any] = self._execute_module(module_args=wanted, task_vars=variables)
        if seen.get("failed") or "certificate" not in seen:
            return result | seen
        Path(args["out"]).write_text(f"{seen['certificate']}\n", encoding="ascii")
        told = {name: seen[name] for name in ("serial", "begins", "ends")}
        hosts = list(certificates.reaches(policy, order.principals))
        issued = {"what": "certificate issued", "person": order.person, "principals": list(order.principals), **told}
        body = {**issued, "key": seen["key_print"], "hosts": hosts}
        words = (
            f"{order.person}: certificate {seen['serial']} until {seen['ends']} for {', '.join(hosts)}: {args['out']}"
        )
        self._display.display(words)
        return result | seen | {"msg": words, CARRIED: [{"kind": "run", "body": body}]}
