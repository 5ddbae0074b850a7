"""Make packages present: dpkg is asked first, and apt is called where it says that one is not here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.plugin_utils import apt

_SPEC = {
    "names": {"type": "list", "elements": "str", "required": True},
    "on_release": {"type": "dict", "default": {}},
}
# Its version begins with the release's number, and every Debian has it.
RELEASE = "base-files"
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
        further = args["on_release"]
        found = self._installed({RELEASE, *args["names"], *(name for names in further.values() for name in names)})
        names = [*args["names"], *further.get(_release(found), [])]
        lacking = sorted(set(names) - set(found))
        if not lacking:
            return result | {"changed": False}
        if self._task.check_mode:
            # A host that has no lists yet has apt say that there is no such package; check mode fetches none.
            after = "".join(f"{name}\n" for name in lacking)
            return result | {"changed": True, "diff": {"before_header": "packages", "before": "", "after": after}}
        return result | apt.install(self, names, task_vars or {})

    def _installed(self, names: Iterable[str]) -> dict[str, str]:
        """Return those of the packages that dpkg calls installed, with versions; none where there is no dpkg to ask."""
        shown = "${db:Status-Status} ${Package} ${Version}\\n"
        command = ["dpkg-query", "--show", "--showformat", shown, *sorted(names)]
        answer = self._low_level_execute_command(shlex.join(command))
        rows = (line.split() for line in str(answer.get("stdout", "")).splitlines())
        return {row[1]: row[2] for row in rows if len(row) == 3 and row[0] == INSTALLED}  # noqa: PLR2004 - three fields


def _release(installed: Mapping[str, str]) -> str:
    return re.split(r"[^0-9]", installed.get(RELEASE, ""), maxsplit=1)[0]
