"""The controller's half of ``haechi.guard.recorder``: have requests signed, bring packages, and let the host go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.recorder import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import apt, hosttask

from haechi.desired.pki import FOLDER
from haechi.pki import signer

X509 = Path(__file__).resolve().parents[1] / "module_utils/pki/x509.py"


class ActionModule(ActionBase):  # type: ignore[misc]
    """One round trip where nothing is due."""

    _host = hosttask.Part("recorder")
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host; bring what it lacks, and ask again."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        self._variables = task_vars or {}
        seen = self._ask(args["desired"], {})
        requests = seen.pop("requests", None)
        if seen.get("failed") or requests is None:
            return {**result, **seen}
        installed = apt.install(self, seen["lacking"], self._variables) if seen["lacking"] else {}
        if installed.get("failed"):
            return result | installed
        signed = self._signed(args["desired"]["x509"], requests) if requests else {}
        seen = self._ask(args["desired"], signed)
        if seen.pop("requests", None) is not None:
            raise AnsibleActionFail("what was signed and installed did not make the host content: look at its clock")
        return {**result, **seen}

    def _ask(self, desired: dict[str, Any], signed: dict[str, str]) -> dict[str, Any]:
        return self._host.perform(self, {"desired": desired, "signed": signed}, self._variables)

    def _signed(self, x509: dict[str, Any], requests: dict[str, str]) -> dict[str, str]:
        words = ("name", "names", "addresses", "use")
        orders = [
            {**{word: leaf[word] for word in words}, "csr": requests[leaf["name"]], "days": x509["days"]}
            | {"host": self._variables["inventory_hostname"]}
            for leaf in x509["leaves"]
            if leaf["name"] in requests
        ]
        authority = self._variables["hostvars"][x509["authority"]]
        told = {name: self._templar.template(authority.get(f"ansible_{name}") or "") for name in ("host", "user")}
        where = signer.Authority(
            host=told["host"] or x509["authority"],
            common_args=self._templar.template(authority.get("ansible_ssh_common_args") or ""),
            user=told["user"] or "root",
            folder=FOLDER,
        )
        try:
            return signer.sign(where, orders, X509)
        except signer.SignError as error:
            raise AnsibleActionFail(str(error)) from error
