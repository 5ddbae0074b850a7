"""Make packages present: dpkg is asked first, and apt is called where it says that one is not here."""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.action import ActionBase

_SPEC = {"names": {"type": "list", "elements": "str", "required": True}}
APT = "ansible.builtin.apt"
# Also of a package that somebody holds at its version (dpkg-query(1)).
INSTALLED = "installed"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Apt's own module takes most of a second to find that nothing is to be done; a query takes a tenth of that."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Install what is not here, with fresh lists where the old ones do not serve."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(_SPEC)
        lacking = sorted(set(args["names"]) - self._installed(args["names"]))
        if not lacking:
            return result | {"changed": False}
        if self._task.check_mode:
            # A host that has no lists yet has apt say that there is no such package; check mode fetches none.
            after = "".join(f"{name}\n" for name in lacking)
            return result | {"changed": True, "diff": {"before_header": "packages", "before": "", "after": after}}
        wanted = {"name": args["names"], "install_recommends": False}
        seen = self._execute_module(module_name=APT, module_args=wanted, task_vars=task_vars)
        if seen.get("failed"):
            seen = self._execute_module(
                module_name=APT, module_args=wanted | {"update_cache": True}, task_vars=task_vars
            )
        result.update(seen)
        return result

    def _installed(self, names: list[str]) -> set[str]:
        """Return those of the packages that dpkg calls installed; none where there is no dpkg to ask."""
        command = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n", *names]
        answer = self._low_level_execute_command(shlex.join(command))
        rows = (line.split() for line in str(answer.get("stdout", "")).splitlines())
        return {row[1] for row in rows if len(row) == 2 and row[0] == INSTALLED}  # noqa: PLR2004 - status and name
