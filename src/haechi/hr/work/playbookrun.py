"""One run of ansible-playbook in a process of its own: the only module that imports ansible-runner.

It reads a ``Request`` as JSON on standard input and answers one line of JSON: whether every event was heard. How the
run went is not asked of ansible-runner: its status says "successful" for a run that reached nobody. When whoever
started it dies, or on SIGTERM, it kills all that it started.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import ansible_runner

from haechi.hr.work import processes
from haechi.hr.work.runfolder import HOSTS, SAID, Request

_LONGEST = 300
_TELLING = ("runner_on_failed", "runner_on_unreachable", "playbook_on_no_hosts_matched")
Event = Mapping[str, Any]


class Heard:
    """Takes events and counts those whose taking went wrong, since ansible-runner swallows an ``OSError`` of it."""

    def __init__(self, take: Callable[[Event], None]) -> None:
        """Take the one who does something with events."""
        self.begun = self.done = 0
        self._take = take

    def __call__(self, event: Event) -> bool:
        """Pass an event on; False has ansible-runner write no file of it."""
        self.begun += 1
        self._take(event)
        self.done += 1
        return False


def carry_out(request: Request, take: Callable[[Event], None]) -> dict[str, Any]:
    """Run, and return whether all events were heard; whatever it started is gone when it returns or raises."""
    heard = Heard(take)
    try:
        ansible_runner.run(
            private_data_dir=request.folder,
            project_dir=request.project,
            # The Ansible that this Python imports, whatever lies on PATH; so the playbook is an argument like others.
            binary=sys.executable,
            cmdline=shlex.join(["-P", "-m", "ansible", "playbook", request.playbook]),
            inventory=request.inventory,
            limit=f"@{request.folder}/{HOSTS}",
            extravars=dict(request.variables),
            envvars={
                # Where nothing is said ansible-runner turns the check of host keys off (config/_base.py).
                "ANSIBLE_HOST_KEY_CHECKING": "True",
                "ANSIBLE_LOCAL_TEMP": f"{request.folder}/ansible",
            },
            # No facts are kept, and no copies of what was asked.
            fact_cache_type="",
            suppress_env_files=True,
            quiet=True,
            event_handler=heard,
            # Without one it takes SIGTERM for itself (utils.signal_handler).
            cancel_callback=lambda: False,
        )
    finally:
        processes.end(Path(request.folder).name)
    return {"heard": heard.done, "lost": heard.begun - heard.done}


def telling(event: Event) -> str:
    """Return what an event says about why a run failed, in one line; empty for one that says nothing."""
    if event["event"] not in _TELLING:
        # Ansible's own words before any task: what it cannot read, whom it does not know.
        text = event.get("stdout", "") if event["event"] == "verbose" else ""
        return text.strip()[:_LONGEST] if "ERROR" in text else ""
    if event["event"] == "playbook_on_no_hosts_matched":
        return "no host matched"
    data = event.get("event_data", {})
    result = data.get("res", {})
    words = (data.get("task"), data.get("host"), result.get("msg") if isinstance(result, dict) else None)
    return ": ".join(" ".join(str(word).split()) for word in words if word)[:_LONGEST]


def keep(folder: Path) -> Callable[[Event], None]:
    """Return a taker of events that appends what is telling to a file of the folder; it raises ``OSError``."""

    def take(event: Event) -> None:
        line = telling(event)
        if line:
            with (folder / SAID).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")

    return take


def watch(folder: Path, worker: int) -> None:
    """From here on, die with the worker and on SIGTERM, and take everything along."""

    def end(_number: int, _frame: FrameType | None) -> None:
        processes.end(folder.name)
        # Whoever waits reads what there is; a dead one does not.
        if os.getppid() != worker:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    processes.die_with_parent(signal.SIGTERM)
    # It may have died before the kernel was asked (prctl(2)).
    if os.getppid() != worker:
        end(signal.SIGTERM, None)


def main() -> None:
    """Carry out the request on standard input."""
    request = Request(**json.load(sys.stdin))
    folder = Path(request.folder)
    watch(folder, request.worker)
    sys.stdout.write(json.dumps(carry_out(request, keep(folder))) + "\n")


if __name__ == "__main__":
    main()
