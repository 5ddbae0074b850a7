"""sudo: every file read by visudo alone, and all of them together once they are in place."""

from __future__ import annotations

import tempfile

from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Subsystem, must, run


class Sudo(Subsystem):
    """No options."""

    def validate(self, files: list[File]) -> None:
        """Refuse what visudo does not take, and a name that sudo would silently skip (sudoers(5), @includedir)."""
        for file in files:
            name = file.path.rpartition("/")[2]
            if "." in name or name.endswith("~"):
                raise RefusedError(
                    f"sudo ignores {file.path}: a name with a dot or a ~ is skipped; nothing was changed"
                )
            if file.content is None:
                continue
            with tempfile.NamedTemporaryFile() as candidate:
                candidate.write(file.content)
                candidate.flush()
                done = run(["visudo", "-c", "-f", candidate.name])
            if done.code != 0:
                words = (done.err or done.out).replace(candidate.name, file.path).strip()
                raise RefusedError(f"visudo does not take {file.path}, nothing was changed: {words}")

    def activate(self) -> None:
        """Let visudo read the whole of it: two good files can contradict each other."""
        must(["visudo", "-c"], "visudo does not take the rules together")
