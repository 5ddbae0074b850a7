"""The controller's half of ``haechi.guard.authority``: which hosts' keys it signs, and the pin of what it presents."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.authority import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask

from haechi import hostkeys, tombstones
from haechi.pki import listing, root, trust
from haechi.policy import load, state_dir
from haechi.policy.models import Policy


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what is trusted is decided in ``haechi.pki.trust``."""

    _host = hosttask.Part("pki")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Hand over the pinned host keys, pin what comes back, and sign the list that hosts fetch where one is due."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = variables = task_vars or {}
        policy = load(Path(variables["inventory_dir"])).usable
        if policy is None:
            raise AnsibleActionFail("the policy cannot be read: run playbooks/validate.yml")
        state = state_dir(policy)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        desired = dict(args["desired"])
        pinned = (state / "known_hosts").read_text() if (state / "known_hosts").is_file() else ""
        keys = {row["name"]: hostkeys.entries(pinned, row["name"]) for row in desired["hosts"]}
        desired["hosts"] = [
            {**row, "key": f"{keys[row['name']][0].kind} {keys[row['name']][0].blob}"}
            for row in desired["hosts"]
            if keys[row["name"]]
        ]
        seen = self._host.perform(self, {"desired": desired}, variables)
        if seen.get("failed") or "user_ca" not in seen or self._task.check_mode:
            return result | seen
        presented = trust.Trust(
            user_ca=seen["user_ca"],
            host_ca=seen["host_ca"],
            host_certificates=seen["certificates"],
            vpn_people=seen.get("vpn_people", ""),
        )
        try:
            pinned_now = trust.pin(state, presented)
            signed = listing.renew(state, policy, seen["user_ca"], datetime.now(UTC))
        except (trust.TrustError, tombstones.TombstoneError) as error:
            raise AnsibleActionFail(str(error)) from error
        held = self._ceremony(policy, state, desired, seen) if "issuing_request" in seen else False
        return result | seen | {"changed": seen["changed"] or pinned_now or signed or held}

    def _ceremony(self, policy: Policy, state: Path, desired: dict[str, Any], seen: dict[str, Any]) -> bool:
        """Have the issuing authority signed by a root made for it, where a passphrase is named; tell whether it was."""
        named = self._templar.template(self._variables.get("haechi_ca_passphrase_file"))
        if not named:
            self._display.warning("X.509 has no root yet, so no TLS certificate is signed: run `haechi ca root`")
            return False
        try:
            told, out = root.ceremony(policy, state, seen["issuing_request"], Path(named), datetime.now(UTC))
        except trust.TrustError as error:
            raise AnsibleActionFail(str(error)) from error
        desired["x509"] = {"root": told.x509_root, "issuing": told.x509_issuing}
        placed = self._host.perform(self, {"desired": desired}, self._variables)
        if placed.get("failed"):
            raise AnsibleActionFail(str(placed.get("msg")))
        self._display.warning(f"The X.509 root signed once. Carry {out} away from this machine, and keep it offline")
        return True
