"""The rules that hand forwarded packets to Suricata: checked by the real program, put back by the host itself."""

from __future__ import annotations

import hashlib
import json

from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.nft import normal
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Subsystem, Way, run
from ansible_collections.haechi.guard.plugins.module_utils.ids import queues
from ansible_collections.haechi.guard.plugins.module_utils.ids.units import PROGRAM


class Queued(Subsystem):
    """Options: none. The files are those of ``ids.queues``; the program of the role loads whatever they say."""

    def validate(self, files: list[File]) -> None:
        """Ask nft about its own rules where the kernel takes them; the others are tested when they are in place."""
        text = next((file.content for file in files if file.path == queues.NATIVE), None)
        if text is not None and queues.native():
            done = run(["nft", "-c", "-f", "-"], text.decode())
            if done.code != 0:
                raise RefusedError(f"nft does not take the queues, nothing was changed: {done.err.strip()[-1500:]}")

    def way_back(self) -> Way:
        """Load what the old files say, or nothing where there were none."""
        return Way(commands=[["/usr/bin/python3", "-I", PROGRAM, "load"]])

    def activate(self) -> None:
        """Load the new ones."""
        try:
            queues.check()
            queues.load()
        except queues.QueueError as error:
            raise RefusedError(str(error)) from error

    def fingerprint(self) -> str | None:
        """Return a digest of the rules that the kernel holds, or a word that no digest is."""
        return fingerprint()


def fingerprint() -> str:
    """Return what is in force in one word."""
    way = queues.live()
    if way == "native":
        listed = run(["nft", "-j", "list", "table", *queues.TABLE.split()]).out
        held = json.dumps(normal(json.loads(listed)), sort_keys=True)
    else:
        held = (
            "".join(run([program, "-t", "security", "-S"]).out for program in queues.PROGRAMS.values()) if way else ""
        )
    return f"{way} {hashlib.sha256(held.encode()).hexdigest()}" if way else "absent"
