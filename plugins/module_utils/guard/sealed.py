"""The sealed account: its password's hash, and a line in PAM that tells of each use, as one guarded change."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.guard import store
from ansible_collections.haechi.guard.plugins.module_utils.guard.pam import Pam
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.rollback import SAVED, STATE
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Way, run

PROFILE = "haechi-break-glass"
HOOK = "/usr/libexec/haechi/break-glass-used"
OLD = "sealed.shadow"
SHADOW = Path("/etc/shadow")
# `seteuid`: of su(1) and sudo(8) the real user is the caller's (pam_exec(8)). The line itself lets everybody pass.
PROFILE_TEXT = f"""\
Name: Haechi: alarm when the sealed account is used
Default: no
Priority: 0
Session-Type: Additional
Session:
\toptional\tpam_exec.so quiet seteuid {HOOK}
"""
HOOK_TEXT = """\
#!/bin/sh
# pam_exec(8) says who and where. With the time in it no two uses have the same words, so each is told.
[ "$PAM_TYPE" = open_session ] || exit 0
[ "$PAM_USER" = "{account}" ] || [ "$PAM_RUSER" = "{account}" ] || exit 0
exec /usr/bin/python3 -I -S {alarm} break-glass \\
    "{account}: $PAM_SERVICE opened a session of $PAM_USER on ${{PAM_TTY:-no terminal}} at $(/usr/bin/date -u +%FT%TZ)"
"""


class Sealed(Pam):
    """Options: ``account``, ``hash`` (a secret of the task), ``enable``."""

    def more(self) -> list[dict[str, Any]]:
        """Return the profile, what it calls, and what raises the alarm."""
        hook = HOOK_TEXT.format(account=self.options["account"], alarm=alarm.SCRIPT)
        return [
            _file(f"/usr/share/pam-configs/{PROFILE}", PROFILE_TEXT, "0644"),
            _file(HOOK, hook, "0755"),
            _file(str(alarm.SCRIPT), inspect.getsource(alarm), "0755"),
        ]

    def way_back(self) -> Way:
        """Keep the stacks, and the account's line of shadow: readable by root alone, like shadow itself."""
        kept = f"{self.options['account']}:{self._hash()}\n".encode()
        back = ["sh", "-c", f"chpasswd -e < {STATE / SAVED / OLD}"]
        return Way(files=super().way_back().files, commands=[back], extra={OLD: kept})

    def activate(self) -> None:
        """Write the stacks, then the hash; the role baseline, which watches the same stacks, is told of them."""
        known = store.effective("pam") == super().fingerprint()
        super().activate()
        if known:
            store.keep_effective("pam", super().fingerprint())
        if self._hash() != self.options["hash"]:
            done = run(["chpasswd", "-e"], stdin=f"{self.options['account']}:{self.options['hash']}\n")
            if done.code:
                raise RefusedError(f"chpasswd does not take the hash of {self.options['account']}: {done.err.strip()}")

    def fingerprint(self) -> str | None:
        """Return whether line and hash are in place, in words; not the stacks, which others write too."""
        told = HOOK in Path("/etc/pam.d/common-session").read_text()
        sealed = self._hash() == self.options["hash"]
        return f"{self.options['account']} {'told' if told else 'untold'} {'sealed' if sealed else 'unsealed'}"

    def _hash(self) -> str:
        rows = (line.split(":") for line in SHADOW.read_text().splitlines())
        found = [row[1] for row in rows if row[0] == self.options["account"]]
        if not found:
            raise RefusedError(f"{self.options['account']} has no account here: run the role accounts first")
        return found[0]


def _file(path: str, content: str, mode: str) -> dict[str, Any]:
    return {"path": path, "content": content, "mode": mode, "owner": "root", "group": "root"}
