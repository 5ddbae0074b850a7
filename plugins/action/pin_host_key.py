"""Pin a host's key on the controller before anything else is said to the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from haechi import hostkeys, sshclient


class ActionModule(ActionBase):  # type: ignore[misc]
    """Compare the key that answers with policy and with what is pinned."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Pin the key, or refuse in one sentence."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(
            {"fingerprint": {"type": "str"}, "trust_first_contact": {"type": "bool", "default": False}}
        )
        port = self._connection.get_option("port")
        common = f"{f'-p {port} ' if port else ''}{self._connection.get_option('ssh_common_args') or ''}"
        host = self._connection.get_option("host")
        try:
            way = sshclient.settings(common, host)
            alias = way.get("hostkeyalias", host)
            try:
                patience = 0.0 if self._task.check_mode else sshclient.PATIENCE
                key = sshclient.presented_key(common, host, alias, patience)
            except sshclient.NoAnswerError as error:
                if self._task.check_mode and (bastion := way.get("proxyjump")):
                    hidden = f"nothing can be seen before {bastion} is bootstrapped: {error}"
                    return {**result, "changed": True, "msg": hidden}
                raise
            told = self._pin(Path(way["userknownhostsfile"].split()[0]), alias, key, args)
        except hostkeys.HostKeyError as error:
            raise AnsibleActionFail(str(error)) from error
        return {**result, **told}

    def _pin(self, file: Path, alias: str, key: hostkeys.HostKey, args: dict[str, Any]) -> dict[str, Any]:
        pinned = hostkeys.entries(file.read_text() if file.is_file() else "", alias)
        new = hostkeys.decide(alias, key, pinned, args["fingerprint"], trust=args["trust_first_contact"])
        if new and not self._task.check_mode:
            hostkeys.pin(file, alias, key)
        told = f"{alias} is {'pinned' if new else 'known'} by {key.fingerprint}"
        diff = [{"prepared": f"{file}: {told}\n"}] if new else []
        return {"changed": new, "fingerprint": key.fingerprint, "msg": told, "diff": diff}
