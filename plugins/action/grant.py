"""Judge a request for a privilege and its approvals, on the control node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from haechi import desired, tombstones
from haechi.evidence import EvidenceError
from haechi.evidence.recorder import CARRIED
from haechi.grant import GrantError, desk, ends, ledger

_SPEC = {
    "grant": {"type": "str", "required": True},
    "end": {"type": "bool", "default": False},
    "told": {"type": "list", "elements": "str"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: who may have what is decided in ``haechi.grant``."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge, mark, and return what the hosts must do."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        try:
            where = desk.at(Path((task_vars or {})["inventory_dir"]))
            name = desk.named(args["grant"])
            if args["told"] is not None:
                return result | self._tell(where, name, args["told"])
            entry = desk.known(where, name) if args["end"] else desk.grant(where, name)
            if not self._task.check_mode:
                ledger.mark(where.state, name, ledger.WITHDRAWN if args["end"] else ledger.GRANTED)
        except (GrantError, EvidenceError, tombstones.TombstoneError) as error:
            raise AnsibleActionFail(f"refused: {error}") from error
        row = ledger.row(entry)
        options = desired.grants.build(row, nopasswd=where.policy.privilege.nopasswd, withdrawn=args["end"])
        body = {"what": "grant taken back" if args["end"] else "granted", **row}
        made = {"changed": False, "hosts": row["hosts"], "options": options}
        return result | made | {CARRIED: [{"kind": "privilege_grant", "body": body}]}

    def _tell(self, where: desk.Desk, name: str, hosts: list[str]) -> dict[str, Any]:
        """Remember which hosts took the grant: of those somebody must see it end."""
        if not self._task.check_mode:
            ends.tell(where.state, name, hosts)
        return {"changed": False}
