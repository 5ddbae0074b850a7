"""What a playbook did, from its events to its signed record. Knows nothing of Ansible's types; never raises."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi import __version__
from haechi.evidence import EvidenceError, answers, canonical, place
from haechi.evidence.store import RunWriter, Store

# Reads policy and touches no host: there is nothing to prove.
NOTHING_DONE = {"validate"}
OURS = "haechi.guard."
# Under a name that Ansible keeps off every screen (CallbackBase._dump_results): a posture is 100 kB. What is large is
# carried as JSON's text: of a structure Ansible copies and tags every value, several times on its way.
CARRIED = "_ansible_haechi_evidence"
# Names the file that is told which run this was, and why its evidence is not whole.
RESULT_FILE = "HAECHI_EVIDENCE_JSON"
_NOISE = {"invocation", "diff", "warnings", "deprecations", "exception", "ansible_facts", "results"}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One task's end on one host. ``outcome`` is ok, changed, failed or unreachable."""

    task: str
    host: str
    module: str
    outcome: str
    result: Mapping[str, Any]
    hidden: bool = False
    ignored: bool = False


class Recorder:
    """The one writer of a playbook's run. A fault is kept in ``problem`` and ends the writing, not the playbook."""

    def __init__(self, verb: str) -> None:
        """Take the playbook's name; nothing is written before its policy was judged."""
        self.verb = verb
        self.problem = ""
        self.warning = ""
        self.run = ""
        self._writer: RunWriter | None = None

    def begin(self, document: Mapping[str, Any], inventory: Path, *, check: bool) -> None:
        """Begin the run that a policy task described (``haechi.runs.begin``); a second call does nothing.

        Nor does one in check mode, which writes nothing anywhere.
        """
        if self._writer is None and not self.problem and self.verb not in NOTHING_DONE and not check:
            self._safely(lambda: self._begin(document, inventory))

    def saw(self, event: Event) -> None:
        """Record what changed, failed or was unreachable, and the evidence that a result carries."""
        writer = self._writer
        if writer is not None:
            self._safely(lambda: self._write(writer, event))

    def close(self, hosts: Mapping[str, Mapping[str, int]]) -> None:
        """Sign the run's end, with the counts of each host."""
        writer = self._writer
        if writer is not None:
            self._safely(lambda: self._close(writer, hosts))
            writer.release()
            self._writer = None

    def _begin(self, document: Mapping[str, Any], inventory: Path) -> None:
        policy = document["policy"]
        site = policy["site"]
        second = place.of(site.get("evidence_copy"), site["name"], inventory)
        store = Store(Path(document["state"]), second)
        # In the order of its files: rules and lists are rendered from it, and a judge compares them.
        digest = store.put(json.dumps(policy, ensure_ascii=False).encode())
        known = {name: value for name, value in document.items() if name not in {"policy", "state"}}
        who = {"verb": self.verb, "by": os.environ.get("SUDO_USER") or getpass.getuser()}
        self._writer = store.begin(self.verb, {**known, **who, "policy": digest, "haechi": __version__}, digest)
        self.run = self._writer.run

    @staticmethod
    def _write(writer: RunWriter, event: Event) -> None:
        if event.outcome != "ok":
            writer.add("run", done(event))
        if event.hidden:
            return
        for kind, body in carried(event):
            writer.add(kind, body)

    def _close(self, writer: RunWriter, hosts: Mapping[str, Mapping[str, int]]) -> None:
        closed = writer.close({"hosts": {name: dict(counts) for name, counts in hosts.items()}})
        self.warning = closed.pending

    def _safely(self, action: Callable[[], None]) -> None:
        """Do it; what goes wrong ends the record, which then has no signed end and is never called whole."""
        try:
            action()
        except (EvidenceError, OSError) as error:
            self._broken(str(error))
        except (KeyError, TypeError, ValueError) as error:
            self._broken(f"the run cannot be described ({type(error).__name__}: {error}): report this")

    def _broken(self, why: str) -> None:
        self.problem = f"This run leaves no whole evidence: {why}"
        if self._writer is not None:
            self._writer.release()
            self._writer = None


def done(event: Event) -> dict[str, Any]:
    """Return what a task did on a host: never its arguments, a diff or a message, which may hold secrets.

    Of modules of ours that is also the list of what they made true; of a task with ``no_log`` its outcome alone.
    """
    body: dict[str, Any] = {"task": event.task, "host": event.host, "module": event.module, "outcome": event.outcome}
    if event.ignored:
        body["ignored"] = True
    if event.hidden:
        return {**body, "hidden": True}
    body["keys"] = sorted(name for name in event.result if not name.startswith("_") and name not in _NOISE)
    changes = event.result.get("changes")
    if event.module.startswith(OURS) and isinstance(changes, list):
        body["changes"] = [str(change) for change in changes]
    return body if canonical.storable(body) is body else {**body, "changes": ascii(body.get("changes"))}


def carried(event: Event) -> Iterable[tuple[str, dict[str, Any]]]:
    """Return the records that a result carries for the evidence, as they are written."""
    told = event.result.get(CARRIED)
    rows = json.loads(told) if isinstance(told, str) else told
    for row in rows if isinstance(rows, list) else []:
        kind, body = str(row["kind"]), row["body"]
        yield kind, answers.body(event.host, body) if kind in answers.ANSWERED else canonical.storable(body)
