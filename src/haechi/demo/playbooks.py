"""Run a playbook as a person would, and read what it did from its summary."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from haechi.demo import StoryError
from haechi.progress import Summary


@dataclass(frozen=True)
class Playbooks:
    """The playbooks of a checkout, run on one inventory."""

    root: Path
    inventory: Path

    def start(self, name: str, summary: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin a playbook; its progress goes to the screen."""
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [str(program), "-i", str(self.inventory), f"playbooks/{name}.yml", *arguments]
        env = {
            **os.environ,
            "ANSIBLE_CONFIG": str(self.root / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "haechi.guard.progress",
            "HAECHI_SUMMARY": str(summary),
        }
        return subprocess.Popen(command, cwd=self.root, env=env, stdin=subprocess.DEVNULL)

    def finish(self, name: str, process: subprocess.Popen[bytes], summary: Path) -> Summary:
        """Wait for a playbook that must succeed on every host.

        Raises ``StoryError`` when it did not.
        """
        code = process.wait()
        if code != 0 or not summary.is_file():
            raise StoryError(f"playbooks/{name}.yml ended with exit code {code}; its own words stand above")
        return Summary(**json.loads(summary.read_text()))

    def run(self, name: str, *arguments: str) -> Summary:
        """Run a playbook to its end.

        Raises ``StoryError`` when it failed anywhere.
        """
        with tempfile.TemporaryDirectory() as folder:
            summary = Path(folder) / "summary.json"
            return self.finish(name, self.start(name, summary, *arguments), summary)
