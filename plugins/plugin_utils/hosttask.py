"""Have a host do a task's work by code that goes along with it, in place of an Ansible module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from haechi import errand

MODULE_UTILS = Path(__file__).resolve().parents[1] / "module_utils"


class Part:
    """What hosts do for one action plugin: ``perform`` of ``module_utils/<name>/task.py``.

    Made where the plugin's class is, so that the code is packed once a run and not by every worker for every host.
    """

    def __init__(self, name: str) -> None:
        """Pack the code of a part."""
        self._name = name
        self._code = errand.pack(MODULE_UTILS, "task", f"{name}.task")

    def perform(self, action: ActionBase, asked: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``perform`` returned on the host, in one round trip.

        Of what a module of Ansible takes there, most is the compiling of its own library, anew each time; this has
        none, writes nothing to the host's disk, and logs no arguments. A program that ends without an answer is a
        failed result. Raises ``AnsibleConnectionFailure`` where the host is not reached.
        """
        sent = errand.task(self._name, asked, self._code, check=bool(action._task.check_mode))  # noqa: SLF001 - as an action does
        # The connection becomes root by itself.
        command = errand.command("root", variables.get("ansible_python_interpreter", errand.PYTHON), module="task")
        answer = action._low_level_execute_command(command, in_data=sent.text)  # noqa: SLF001 - as above
        for line in reversed(str(answer["stdout"]).splitlines()):
            document = sent.read(line)
            if document is not None:
                result: dict[str, Any] = document["result"]
                return result
        last = str(answer["stderr"]).strip().rpartition("\n")[2]
        what = f"the host's program ended with {answer['rc']} and without an answer"
        return {"failed": True, "msg": f"{what}: {last}" if last else what, "module_stderr": answer["stderr"]}


class HostTask(ActionBase):  # type: ignore[misc]
    """An action of which the host does all: its arguments are judged here, and sent."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _host: Part
    _spec: Mapping[str, Any]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Let the host do it, in one round trip."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(self._spec)
        return result | self._host.perform(self, args, task_vars or {})
