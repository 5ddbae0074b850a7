"""Carries an order out with the one offboarding there is: ansible-runner on ``playbooks/offboard.yml``.

Each run has an OS process, a private folder and an environment of its own (`haechi.hr.work.playbookrun`). What it came
to is read from its own records alone (`haechi.hr.work.results`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

from haechi import offboardrun
from haechi.evidence import recorder
from haechi.hr.work import processes, results, runfolder
from haechi.hr.work.order import Order, Outcome
from haechi.hr.work.runfolder import ERRORS, EVIDENCE, HOSTS, RECORD, SAID, Request
from haechi.policy.shape import IdentityId, Name

ROOT = Path(__file__).resolve().parents[4]
LIMIT_S = 900.0
# Of the worker's own environment: whatever else it holds, a database's password for one, is no playbook's business.
PASSED_ON = (
    *("HOME", "USER", "LOGNAME", "SUDO_USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSH_AUTH_SOCK"),
    *("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HAECHI_STATE_DIR"),
    # Where the role installed it, this alone leads to Haechi and to Ansible.
    *("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"),
)
_TICK_S = 0.2
_MOST = 65_536
# For the process of the run to end its children, before it is killed itself and they are looked for from here.
_GRACE_S = 1.0
# Extra variables of the command line are templates to Ansible, and lines of a limit file are patterns.
_NONCE = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
_HOSTS = TypeAdapter(tuple[Name, ...])
_PERSON, _ID = TypeAdapter(IdentityId), TypeAdapter(_NONCE)


class RunnerExecutor:
    """Runs orders with ansible-runner; one object serves many threads."""

    def __init__(
        self,
        inventory: Path,
        playbook: Path = ROOT / "playbooks/offboard.yml",
        limit_s: float = LIMIT_S,
        parent: Path | None = None,
    ) -> None:
        """Take the inventory, the seconds a run may take, and where private folders are made."""
        self.inventory, self.playbook, self.limit_s = inventory.resolve(), playbook.resolve(), limit_s
        self.parent = parent or runfolder.root()

    def carry_out(self, order: Order, cancelled: Event) -> Outcome:
        """Run the playbook on the hosts of the order, and return what its records show; raises nothing of the run."""
        wrong = _unsafe(order)
        if wrong:
            return Outcome(hosts={}, fault=wrong)
        try:
            with runfolder.fresh(self.parent) as folder:
                (folder / HOSTS).write_text("".join(f"{host}\n" for host in order.hosts))
                faults = self._run(folder, order, cancelled)
                return results.outcome(order, _json(folder / RECORD), _json(folder / EVIDENCE), faults)
        except OSError as error:
            return Outcome(hosts={}, fault=f"the run could not be started in {self.parent}: {error.strerror or error}")

    def _run(self, folder: Path, order: Order, cancelled: Event) -> tuple[str, ...]:
        """Run, and return what went wrong with the run itself."""
        request = Request(
            folder=str(folder),
            worker=os.getpid(),
            project=str(ROOT),
            playbook=str(self.playbook),
            inventory=str(self.inventory),
            variables={"person": order.person, "nonce": order.nonce, "unknown": order.unknown},
        )
        with (
            (folder / ERRORS).open("wb") as errors,
            subprocess.Popen(
                [sys.executable, "-P", "-m", "haechi.hr.work.playbookrun"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(folder),
                cwd=ROOT,
                start_new_session=True,
            ) as process,
        ):
            try:
                ended = self._wait(process, request.text, cancelled)
            finally:
                _stop(process, folder.name)
            told = process.stdout.read() if process.stdout else b""
        return ended or _faults(folder, process.returncode, told)

    def _wait(self, process: subprocess.Popen[bytes], text: bytes, cancelled: Event) -> tuple[str, ...]:
        """Wait for the end; return why it was not waited for any longer."""
        if process.stdin:
            process.stdin.write(text)
            process.stdin.close()
        until = time.monotonic() + self.limit_s
        while process.poll() is None:
            if cancelled.wait(_TICK_S):
                return ("cancelled: the lease was lost",)
            if time.monotonic() > until:
                return (f"ended after {self.limit_s:g} s, its limit",)
        return ()


def _stop(process: subprocess.Popen[bytes], mark: str) -> None:
    """End a run with everything it started; one that ended by itself may have left something too."""
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
    processes.end(mark)


def _faults(folder: Path, code: int, told: bytes) -> tuple[str, ...]:
    """Return what went wrong with a run that ended by itself."""
    if code != 0:
        why = _last(folder / ERRORS) or f"it ended with {code}"
        return (f"ansible-runner failed: {why}",)
    try:
        lost = int(json.loads(told.splitlines()[-1])["lost"])
    except (IndexError, KeyError, TypeError, ValueError):
        return ("ansible-runner ended without a word",)
    words = _last(folder / SAID)
    return (
        *([f"{lost} of its events could not be kept"] if lost else []),
        *([f"Ansible said: {words}"] if words and not (folder / RECORD).exists() else []),
    )


def _environment(folder: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    return passed | {
        "PATH": path,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        processes.MARK: folder.name,
        offboardrun.RESULT_FILE: str(folder / RECORD),
        recorder.RESULT_FILE: str(folder / EVIDENCE),
    }


def _unsafe(order: Order) -> str:
    """Return why the words of an order must not get near a command; empty for one that is fit."""
    try:
        _PERSON.validate_python(order.person)
        _HOSTS.validate_python(order.hosts)
        _ID.validate_python(order.nonce)
    except ValidationError as error:
        return f"the order is refused, {error.errors()[0]['input']!r}: {error.errors()[0]['msg']}"
    return "" if order.hosts else "the order is refused: it names no host"


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _last(path: Path) -> str:
    try:
        with path.open("rb") as file:
            lines = file.read(_MOST).decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
