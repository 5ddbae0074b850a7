"""The controller's half of ``haechi.guard.bootstrap``: what must be there first, and the proof afterwards."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from haechi import sshclient

_PROBE = 'export PATH="$PATH:/usr/sbin:/sbin"; for p in python3 sudo; do command -v $p >/dev/null || echo $p; done'
# Else a package's question would wait for somebody to answer it (debconf(7)).
_INSTALL = "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && apt-get -qq -y install {names} >/dev/null"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Make the automation account over the login there is, and prove it over a new connection."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Install what is missing, run the module, prove the account."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        user = self._task.args["user"]
        try:
            missing = self._low_level_execute_command(_PROBE, sudoable=False)["stdout"].split()
        except AnsibleConnectionFailure as error:
            return result | self._already_done(user, str(error))
        if missing:
            result["changed"] = True
            if self._task.check_mode:
                return result | {"msg": f"would install {', '.join(missing)} and make {user}; no more can be seen yet"}
            self._install(missing)
        seen = self._execute_module("haechi.guard.bootstrap", module_args=self._task.args, task_vars=task_vars)
        result.update(seen, changed=bool(missing) or seen.get("changed", False))
        if not result.get("failed") and not self._task.check_mode:
            self._prove(user)
        return result

    def _already_done(self, user: str, refusal: str) -> dict[str, Any]:
        """Accept that a hardened host refuses root, where the account already works."""
        asked = self._connection.get_option("remote_user")
        if (reason := self._proof(user)) is None:
            return {"changed": False, "msg": f"{user} already works here; {asked} may no longer log in"}
        raise AnsibleActionFail(
            f"neither {asked} ({refusal.strip().splitlines()[-1]}) nor {user} ({reason}) gets in:"
            " give the login that this host has now with `-e bootstrap_user=..`, or use its console"
        )

    def _install(self, names: list[str]) -> None:
        if "sudo" in names and self._play_context.become:
            raise AnsibleActionFail("sudo is missing: log in as root (`-e bootstrap_user=root`), or install sudo there")
        done = self._low_level_execute_command(_INSTALL.format(names=" ".join(names)))
        if done["rc"]:
            lines = (done["stderr"] or done["stdout"]).strip().splitlines()
            raise AnsibleActionFail(
                f"{', '.join(names)} missing and apt could not install: {lines[-1] if lines else 'no output'}."
                f" Install them on the host's console: apt-get install {' '.join(names)}"
            )

    def _prove(self, user: str) -> None:
        if (reason := self._proof(user)) is not None:
            raise AnsibleActionFail(
                f"the account is made, but a new connection as {user} fails: {reason}."
                " The login you used still works. Is IdentityFile in .ssh_config the private half of a key in keys.yml?"
            )

    def _proof(self, user: str) -> str | None:
        host, common = self._connection.get_option("host"), self._connection.get_option("ssh_common_args") or ""
        port = self._connection.get_option("port")
        options = ("-l", user, *(("-p", str(port)) if port else ()))
        answer = sshclient.ssh_patiently(common, host, "sudo", "-n", "true", options=options)
        return None if answer.code == 0 else answer.last
