"""The controller's steps of an offboarding: record it, deny and prove it on every host, close with what is proven."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from haechi import denial, errand, offboard, offboardrun, tombstones
from haechi.evidence.recorder import CARRIED

_SPEC = {
    "step": {"choices": ["record", "deny", "close"], "required": True},
    "person": {"type": "str"},
    "canary": {"type": "str"},
    "unknown": {"type": "bool", "default": False},
    "nonce": {"type": "str"},
    "run": {"type": "dict"},
    "records": {"type": "dict", "default": {}},
}
# What travels to the hosts; it lies beside this plugin in a clone and in an installed collection alike.
MODULE_UTILS = Path(__file__).resolve().parents[1] / "module_utils"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what is decided is decided in ``haechi.offboard``."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do one step."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        variables = task_vars or {}
        try:
            if args["step"] == "record":
                return result | self._record(args, variables)
            if args["step"] == "deny":
                return result | self._deny(args["run"], variables)
            return result | self._close(args["run"], args["records"])
        except (offboard.OffboardError, tombstones.TombstoneError) as error:
            raise AnsibleActionFail(str(error)) from error

    def _record(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Sign the tombstone before any host is touched; in check mode only say what would be signed."""
        inventory = Path(variables["inventory_dir"])
        asked = {"canary": args["canary"] or None, "unknown": args["unknown"], "nonce": args["nonce"] or ""}
        run = offboardrun.begin(inventory, args["person"], check=self._task.check_mode, **asked)
        return {"changed": run.pop("changed"), "run": run}

    def _deny(self, run: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Deny on every host of the play from this one process: forks of Ansible's would cost most of all."""
        brief = offboard.read_brief(run["brief"])
        told = denial.Denial(
            brief=brief,
            errand=errand.prepare(brief.person, brief.keys, run["listed"], MODULE_UTILS, check=self._task.check_mode),
            clock=partial(offboardrun.since, run["clock"]),
            earlier=frozenset(run["earlier"]),
        )
        hosts = [host for host in variables["ansible_play_hosts_all"] if host in brief.hosts]
        # After the bastion comes whoever serves the list, for the hosts that are off and will ask there.
        hosts.sort(key=lambda host: host != run["list_host"])
        python = variables.get("ansible_python_interpreter", errand.PYTHON)
        records = denial.deny(told, hosts, partial(_arguments, variables["hostvars"]), run["bastion"], python)
        changed = any(row.pop("changed", False) for row in records.values())
        diffs = [{**diff, "before_header": host} for host, row in records.items() if (diff := row.pop("diff", None))]
        return {"changed": changed, "records": records, "diff": diffs}

    def _close(self, run: dict[str, Any], records: dict[str, Any]) -> dict[str, Any]:
        """Count every host of policy, show it, keep it, and fail for whatever is not proven."""
        closed = offboardrun.finish(run, records, check=self._task.check_mode)
        for line in offboard.lines(closed["run"]):
            self._display.display(line)
        unproven = [host for host, row in closed["run"]["hosts"].items() if row["status"] not in closed["enough"]]
        told = {"what": "offboarding", **closed["run"]}
        result = {"changed": False, "written": closed["written"], CARRIED: [{"kind": "run", "body": told}]}
        if closed["run"]["nobody"]:
            return result | {"failed": True, "msg": offboard.lines(closed["run"])[0]}
        if unproven:
            return result | {"failed": True, "msg": f"{run['brief']['person']}: not proven on {', '.join(unproven)}"}
        return result | {"summary": closed["run"]}


def _arguments(hostvars: Mapping[str, Any], host: str) -> tuple[str, ...]:
    """Return the arguments with which Ansible's own connection would call ``ssh``, the host's name last.

    Raises ``ConnectionError`` where the host's variables cannot be read: that is no reason to spare the others.
    """
    try:
        row = hostvars[host]
        words = shlex.split(row.get("ansible_ssh_common_args") or "")
        for flag, name in (("-l", "ansible_user"), ("-p", "ansible_port"), ("-i", "ansible_ssh_private_key_file")):
            words += [flag, str(row[name])] if row.get(name) else []
        return (*words, row.get("ansible_host") or host)
    except (AnsibleError, ValueError) as error:
        raise ConnectionError(f"its variables cannot be read: {error}") from error
