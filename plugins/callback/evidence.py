"""Keep a signed record of every run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.plugins.callback import CallbackBase

from haechi.evidence.recorder import RESULT_FILE, Event, Recorder

DOCUMENTATION = """
name: evidence
type: notification
short_description: Keep a signed record of every run
description:
  - Writes what a playbook asked, did, saw and judged into the state folder of the site, as a chain of records that
    C(haechi evidence verify) checks, signs its end, and copies that to the second place that policy names.
  - Begins at the first C(haechi.guard.policy) task; a playbook without one leaves no record, nor does check mode.
  - Where C(HAECHI_EVIDENCE_JSON) names a file, writes there at the end which run it was and why its evidence is not
    whole, as C({"run", "problem"}).
  - Keeps no arguments, no diff, and of a task with C(no_log) nothing but its outcome.
requirements:
  - C(callbacks_enabled = haechi.guard.evidence) in ansible.cfg
author: Haechi maintainers
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Thin: what is written is decided in ``haechi.evidence.recorder``."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "haechi.guard.evidence"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Begin with no playbook."""
        super().__init__()
        self._recorder = Recorder("run")
        self._check = False
        self._told = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Take the playbook's name."""
        self._recorder, self._told = Recorder(Path(playbook._file_name).stem), False  # noqa: SLF001

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Take whether the play changes anything."""
        self._check = bool(play.check_mode)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Begin at the policy, and record what changed."""
        document = result.result.get("haechi_run")
        if document:
            inventory = Path(result.host.get_vars()["inventory_dir"])
            self._recorder.begin(document, inventory, check=self._check)
        self._saw(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002
        """Record what failed."""
        self._saw(result, "failed", ignored=ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Record who did not answer."""
        self._saw(result, "unreachable")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Close the run with the counts of each host."""
        self._recorder.close({host: stats.summarize(host) for host in sorted(stats.processed)})
        self._tell()
        if self._recorder.warning:
            self._display.warning(self._recorder.warning)
        target, begun = os.environ.get(RESULT_FILE), self._recorder.run or self._recorder.problem
        if target and begun:
            Path(target).write_text(json.dumps({"run": self._recorder.run, "problem": self._recorder.problem}))

    def _saw(self, result: Any, outcome: str, *, ignored: bool = False) -> None:
        hidden = bool(result.task.no_log or result.result.get("_ansible_no_log") or "censored" in result.result)
        event = Event(
            task=result.task.get_name().strip(),
            host=result.host.get_name(),
            module=result.task.action,
            outcome=outcome,
            result=result.result,
            hidden=hidden,
            ignored=ignored,
        )
        self._recorder.saw(event)
        self._tell()

    def _tell(self) -> None:
        if self._recorder.problem and not self._told:
            self._told = True
            self._display.display(self._recorder.problem, color=C.COLOR_ERROR, stderr=True)
