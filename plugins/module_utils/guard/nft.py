"""nftables: own tables only, checked by nft, swapped in one transaction, the live ones kept for the way back."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.firewall import sockets
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.rollback import SAVED, STATE
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Subsystem, Way, must, run

LIVE = "live.nft"
# What changes by itself while the rules stay the same.
VOLATILE = {"handle", "packets", "bytes", "expires", "used"}
# What a kernel may have been built without, and what then mends it.
MENDS = {"synproxy": "this kernel has no SYN proxy (CONFIG_NFT_SYNPROXY); set perimeter.floods.syn_proxy to false"}


def normal(value: Any) -> Any:
    """Return nft's JSON without handles, counts and the elements that packets or people add."""
    if isinstance(value, list):
        return [normal(item) for item in value if not (isinstance(item, dict) and "metainfo" in item)]
    if not isinstance(value, dict):
        return value
    dynamic = bool({"dynamic", "timeout"} & set(value.get("flags", []) if isinstance(value.get("flags"), list) else []))
    dropped = VOLATILE | ({"elem"} if dynamic else set())
    return {key: normal(item) for key, item in value.items() if key not in dropped}


def refused(words: str) -> str:
    """Return what to tell of rules that nft refused, with the mend where it is known; nft shows the rule it means."""
    first = words.strip()[:1500]
    # nft says so of every expression that its kernel lacks (nf_tables answers ENOENT).
    lacks = "No such file or directory" in first or "Operation not supported" in first
    mends = [mend for word, mend in MENDS.items() if lacks and word in first]
    return "; ".join([f"nft does not take the rules, nothing was changed: {first}", *mends])


class Nftables(Subsystem):
    """Options: ``load``, the file to load; ``tables``, what it holds; ``harvest``, where counters are kept.

    ``values`` is a prefix of kernel values that are there only once rules are loaded, and are set then (sysctl.d(5)).

    ``listeners`` are declared sockets (``firewall.sockets``): rules that let through to nobody, or to a program that
    nobody declared, are told.
    """

    def _tables(self) -> list[list[str]]:
        return [str(table).split() for table in self.options.get("tables", [])]

    def validate(self, files: list[File]) -> None:
        """Let nft read the candidate; it checks against the running kernel and changes nothing."""
        for file in files:
            if file.path != self.options.get("load") or file.content is None:
                continue
            with tempfile.NamedTemporaryFile(suffix=".nft") as candidate:
                candidate.write(file.content)
                candidate.flush()
                done = run(["nft", "-c", "-f", candidate.name])
            if done.code != 0:
                raise RefusedError(refused(done.err.replace(candidate.name, file.path)))

    def way_back(self) -> Way:
        """Keep the live tables, counts and timed elements with them."""
        lines = []
        for table in self._tables():
            name = " ".join(table)
            # Deleting a table that is absent fails the whole transaction, adding one that is does nothing (nft(8)).
            lines.append(f"add table {name}\ndelete table {name}")
            listed = run(["nft", "list", "table", *table])
            if listed.code == 0:
                lines.append(listed.out)
        live = str(STATE / SAVED / LIVE)
        return Way(commands=[["nft", "-f", live]], extra={LIVE: "\n".join(lines).encode() + b"\n"})

    def activate(self) -> None:
        """Harvest the counters, then load the file in one transaction."""
        # Before the load: it replaces the tables, and their counters with them.
        if self.options.get("harvest"):
            self._harvest(Path(self.options["harvest"]))
        must(["nft", "-f", self.options["load"]], "nft refused to load the rules")
        if self.options.get("values"):
            # A container's kernel takes none, and says so; controls judge what is in force.
            run(["/usr/lib/systemd/systemd-sysctl", f"--prefix={self.options['values']}"])
        for unit in self.options.get("enable", []):
            must(["systemctl", "enable", "--quiet", unit], f"{unit} could not be enabled for the next boot")

    def _harvest(self, path: Path) -> None:
        rows = []
        for table in self._tables():
            listed = run(["nft", "-j", "list", "counters", "table", *table])
            found = json.loads(listed.out)["nftables"] if listed.code == 0 else []
            found = [item["counter"] for item in found if "counter" in item]
            if found:
                counts = {row["name"]: [row["packets"], row["bytes"]] for row in found}
                rows.append(json.dumps({"time": int(time.time()), "table": " ".join(table), "counters": counts}))
        if rows:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write("\n".join(rows) + "\n")

    def fingerprint(self) -> str | None:
        """Return a digest of the rules that the kernel holds, or a word that no digest is."""
        digest = hashlib.sha256()
        for table in self._tables():
            listed = run(["nft", "-j", "list", "table", *table])
            if listed.code != 0:
                return "absent"
            digest.update(json.dumps(normal(json.loads(listed.out)), sort_keys=True).encode())
        return digest.hexdigest()

    def remarks(self) -> list[str]:
        """Compare the declared listeners with the open sockets (ss(8))."""
        declared = self.options.get("listeners")
        if declared is None:
            return []
        shown = run(["ss", "-H", "-l", "-t", "-u", "-n", "-p"])
        if shown.code != 0:
            return [f"the open sockets were not seen: {shown.err.strip()}"]
        seen = sockets.parse(shown.out)
        extra = [
            f"{socket.process} listens on {socket.proto}/{socket.port}, which policy does not declare"
            for socket in sockets.undeclared(seen, declared)
        ]
        return extra + [f"policy declares {name}, and nobody listens there" for name in sockets.missing(seen, declared)]
