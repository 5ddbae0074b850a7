"""Progress that a person can follow: one line a step, failures in full, a summary as JSON."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812
from ansible.plugins.callback import CallbackBase

from haechi.progress import Step, Summary, closing, complaint, title

DOCUMENTATION = """
name: progress
type: stdout
short_description: One line a step, failures in full, a summary as JSON
description:
  - Prints a line for each task with the number of hosts, what changed, what failed and the seconds.
  - Nothing that failed or was unreachable is ever left out, ignored failures included.
options:
  summary:
    description: File to write the summary to, as JSON.
    type: path
    env:
      - name: HAECHI_SUMMARY
    ini:
      - section: callback_progress
        key: summary
author: Haechi maintainers
"""

# Ansible's own steps, which say nothing while they go well.
QUIET = {"ansible.builtin.validate_argument_spec", "ansible.builtin.include_tasks"}


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Keeps the counts of the step that runs, and prints it when the next one begins."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "haechi.guard.progress"

    def __init__(self) -> None:
        """Start the clock."""
        super().__init__()
        self._began = time.monotonic()
        self._steps: dict[str, Step] = {}

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Name the play."""
        self._close()
        check = " (check mode: nothing will be changed)" if play.check_mode else ""
        self._display.display(f"{play.get_name().strip()}{check}", color=C.COLOR_HIGHLIGHT)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002, FBT001
        """Begin a step."""
        self._close()
        self._step(task)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Begin a handler's step."""
        self._close()
        self._step(task)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count a host that is done."""
        step = self._step(result.task)
        self._remember(step, result)
        (step.changed if result.result.get("changed") else step.ok).add(result.host.get_name())

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002
        """Tell what failed, at once and in full."""
        step, host = self._step(result.task), result.host.get_name()
        self._remember(step, result)
        (step.ignored if ignore_errors else step.failed).add(host)
        word = "failed (ignored)" if ignore_errors else "FAILED"
        self._display.display(f"  {step.title}", color=C.COLOR_ERROR)
        self._display.display(complaint(host, word, result.result), color=C.COLOR_ERROR)
        if self._display.verbosity:
            self._handle_exception(result.result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Tell what an item of a loop said: the loop itself only counts."""
        self._display.display(
            complaint(result.host.get_name(), "failed at an item", result.result), color=C.COLOR_ERROR
        )

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Tell who did not answer."""
        step, host = self._step(result.task), result.host.get_name()
        step.unreachable.add(host)
        self._display.display(complaint(host, "UNREACHABLE", result.result), color=C.COLOR_UNREACHABLE)

    def v2_on_file_diff(self, result: Any) -> None:
        """Show what `--diff` was asked to show."""
        rows = result.result.get("results") or [result.result]
        for diff in (row.get("diff") for row in rows if row.get("changed")):
            if diff:
                self._display.display(f"    {result.host.get_name()}:\n{self._get_diff(diff)}")

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Say that a play did nothing."""
        self._display.display("  no host matched: nothing was done", color=C.COLOR_WARN)

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        """Say why a run ends early."""
        self._close()
        self._display.display("  no host is left to go on with", color=C.COLOR_ERROR)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Close with the counts, and write them down."""
        self._close()
        summary = Summary(
            hosts=sorted(stats.processed),
            changed=sum(stats.changed.values()),
            failed=sorted(host for host, count in stats.failures.items() if count),
            unreachable=sorted(host for host, count in stats.dark.items() if count),
            seconds=round(time.monotonic() - self._began, 1),
        )
        bad = summary.failed or summary.unreachable
        self._display.display(closing(summary), color=C.COLOR_ERROR if bad else C.COLOR_OK)
        target = self.get_option("summary")
        if target:
            Path(target).write_text(json.dumps(asdict(summary)) + "\n")

    def _step(self, task: Any) -> Step:
        # Included files bring a task in several copies, one for each group of hosts.
        if task._uuid not in self._steps:  # noqa: SLF001
            role = task._role.get_name() if task._role else None  # noqa: SLF001
            step = Step(title(task.get_name().strip(), role), time.monotonic(), quiet=task.action in QUIET)
            self._steps[task._uuid] = step  # noqa: SLF001
        return self._steps[task._uuid]  # noqa: SLF001

    def _close(self) -> None:
        for step in self._steps.values():
            line = step.line(time.monotonic())
            if line is not None:
                bad = step.failed or step.unreachable
                color = C.COLOR_ERROR if bad else C.COLOR_CHANGED if step.changed else C.COLOR_OK
                self._display.display(line, color=color)
            for remark in step.remarks(full=self._display.verbosity > 0):
                self._display.display(remark, color=C.COLOR_WARN)
        self._steps.clear()

    def _remember(self, step: Step, result: Any) -> None:
        for warning in result.result.get("warnings") or ():
            text = str(warning)
            step.warnings.setdefault(text, set()).add(result.host.get_name())
