"""The controller's steps of an offboarding: record it, deny and prove it on each host, close with what is proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from haechi import hostkeys, offboard, offboardrun, offer, tombstones
from haechi.evidence.recorder import CARRIED

_SPEC = {
    "step": {"choices": ["record", "deny", "close"], "required": True},
    "person": {"type": "str"},
    "canary": {"type": "str"},
    "unknown": {"type": "bool", "default": False},
    "run": {"type": "dict"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Thin: what is decided is decided in ``haechi.offboard``."""

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
            return result | self._close(args["run"], variables)
        except (offboard.OffboardError, tombstones.TombstoneError) as error:
            raise AnsibleActionFail(str(error)) from error

    def _record(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Sign the tombstone before any host is touched; in check mode only say what would be signed."""
        inventory = Path(variables["inventory_dir"])
        canary, unknown = args["canary"] or None, args["unknown"]
        run = offboardrun.begin(inventory, args["person"], canary, check=self._task.check_mode, unknown=unknown)
        if bastion := run.pop("bastion"):
            offer.open_jump(self._connection.get_option("ssh_common_args") or "", bastion)
        return {"changed": run.pop("changed"), "run": run}

    def _deny(self, run: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        host = variables["inventory_hostname"]
        record, changed = self._proven(host, offboard.read_brief(run["brief"]), run, variables)
        result: dict[str, Any] = {"changed": changed, "record": record, "diff": record.pop("diff", [])}
        if record.get("unreachable"):
            result |= {"unreachable": True, "msg": record["unreachable"]}
        return result

    def _proven(
        self, host: str, brief: offboard.Brief, run: dict[str, Any], variables: dict[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Offer the keys, revoke, offer them again: one task, so no host waits for another."""
        canary = brief.canaries.get(host)
        record: dict[str, Any] = {"access": host in brief.access, "canary": canary, "earlier": host in run["earlier"]}
        record["before"] = self._offers(host, brief, canary)
        try:
            seen = self._execute_module(
                module_name="haechi.guard.revoke",
                module_args={
                    "people": [brief.person],
                    "keys": {brief.person: list(brief.keys)},
                    "listed": run["listed"],
                },
                task_vars=variables,
            )
        except AnsibleConnectionFailure as error:
            return record | {"unreachable": str(error).strip().splitlines()[-1]}, False
        except AnsibleError as error:
            return record | {"error": str(error)}, False
        if seen.get("unreachable"):
            return record | {"unreachable": str(seen.get("msg", "unreachable")).strip()}, False
        if seen.get("failed") or "people" not in seen:
            return record | {"error": str(seen.get("msg") or seen.get("module_stderr") or "no answer")}, False
        record |= {"host": seen["people"][brief.person], "diff": seen.get("diff", [])}
        record["known"] = bool(record["host"]["exists"] or seen.get("changed"))
        if self._task.check_mode:
            record |= {"doors": record.pop("host")["doors"]}
        else:
            record["after"] = self._offers(host, brief, canary)
            record["denied_s"] = offboardrun.since(run["clock"])
        return record, seen.get("changed", False)

    def _offers(self, host: str, brief: offboard.Brief, canary: str | None) -> dict[str, str]:
        people = {brief.person: brief.keys, **({canary: brief.canary_keys[canary]} if canary else {})}
        common = self._connection.get_option("ssh_common_args") or ""
        try:
            heard = offer.probe(common, self._connection.get_option("host") or host, people)
        except hostkeys.HostKeyError as error:
            heard = {name: offer.Offer(offer.UNKNOWN, str(error)) for name in people}
        person, other = heard[brief.person], heard.get(canary or "", offer.Offer(offer.UNKNOWN, "nobody to ask"))
        return {"person": person.answer, "person_why": person.why, "canary": other.answer, "canary_why": other.why}

    def _close(self, run: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Count every host of policy, show it, keep it, and fail for whatever is not proven."""
        hostvars = variables["hostvars"]
        told = {host: hostvars[host].get("__offboard", {}) for host in variables["ansible_play_hosts_all"]}
        records = {host: row["record"] for host, row in told.items() if "record" in row}
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
