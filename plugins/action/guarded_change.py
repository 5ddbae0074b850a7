"""The controller's half of ``haechi.guard.guarded_change``: begin, prove, keep, all in one task of one host."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.guarded_change import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask, templates

from haechi.guard import proofs

# PAM and sudo are proven by logins and on the host; offering keys asks sshd and the network, which they do not touch.
OFFERED = {"sshd", "nftables"}
MARGIN_SECONDS = 25


class ActionModule(ActionBase):  # type: ignore[misc]
    """Never splits a change over tasks: another host's delay must not keep this one armed."""

    _host = hosttask.Part("guard")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Carry the change out."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._vars = task_vars or {}
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        self._asked = self._with_templates(args)
        began = self._phase("begin")
        token = began.pop("token", None)
        if token is None:
            return result | began
        way = self._way()
        prove = self._asked["prove"]
        offers = self._asked["subsystem"] in OFFERED
        seen = proofs.run(proofs.attempts(way, prove, began.pop("entitled"), offers=offers))
        result |= began | {"proofs": proofs.as_rows(seen)}
        failed = [proof for proof in seen if not proof.ok]
        if failed:
            return result | {"failed": True, "changed": False, "msg": self._explain(failed, way, token)}
        kept = self._phase("keep", token)
        if kept.get("failed"):
            return result | {"failed": True, "changed": False, "msg": kept["msg"]}
        return result

    def _with_templates(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the task's arguments with the files of ``source`` among its files."""
        source = asked["source"]
        rendered = templates.tree(self, str(source)) if source else {}
        files = [{"path": path, "content": text, "mode": "0644"} for path, text in rendered.items()]
        return {**asked, "files": [*asked["files"], *files]}

    def _phase(self, phase: str, token: str | None = None) -> dict[str, Any]:
        owner = f"{getpass.getuser()} on the control node"
        asked = {**self._asked, "phase": phase, "token": token, "owner": owner}
        return self._host.perform(self, asked, self._vars)

    def _way(self) -> proofs.Way:
        common = self._connection.get_option("ssh_common_args") or ""
        key = self._templar.template(self._vars.get("haechi_sentinel_key"))
        return proofs.Way(
            common_args=common,
            host=self._connection.get_option("host"),
            sentinel_key=Path(key) if key else None,
        )

    def _explain(self, failed: list[proofs.Proof], way: proofs.Way, token: str) -> str:
        reasons = "; ".join(f"{proof.what}: expected {proof.expected}, seen {proof.seen}" for proof in failed)
        what = self._asked["subsystem"]
        return f"The {what} change was not proven and is taken back. {reasons}. {self._back(way, token)}"

    def _back(self, way: proofs.Way, token: str) -> str:
        """Have the old state put back, by us if we still get in, by the host's own clock if not; say what was seen."""
        started = time.monotonic()
        deadline = started + self._asked["rollback_after"] + MARGIN_SECONDS
        while not proofs.answers(way, self._asked["prove"]):
            if time.monotonic() > deadline:
                return "The host does not answer; its own clock puts the old state back, at the latest when it boots."
            time.sleep(1)
        self._connection.reset()
        try:
            self._phase("put_back", token)
            state = self._phase("status", token)
        except AnsibleConnectionFailure as error:
            return f"The old state is being put back by the host itself; it could not be asked ({error})."
        if state.get("state") != "restored" or state.get("unmended"):
            return f"The old state is NOT confirmed: {state}. Look at the host now."
        return f"The old state is back, seen over a new connection after {time.monotonic() - started:.0f} s."
