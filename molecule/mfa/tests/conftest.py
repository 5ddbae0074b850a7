"""Real ssh clients with what a person has: a key, a security key whose PIN was asked or not, a code."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from testinfra.host import Host

from haechi import authenticator
from haechi.mfa import code

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / "molecule/inventory"
SEEDS = "/var/lib/haechi/mfa"
Done = subprocess.CompletedProcess[str]
# A code that is asked for when its time is nearly over counts no more when it arrives: for a login, and for two.
ONCE, TWICE = 6, 12


def code_of_now(seed: str, enough: int = ONCE) -> str:
    """Return a code that will count for long enough (s)."""
    left = code.STEP - time.time() % code.STEP
    if left < enough:
        time.sleep(left + 0.5)
    return code.at(seed, time.time())


@dataclass(frozen=True)
class Door:
    """The sshd of one machine, and what a test does there as root."""

    name: str
    host: Host
    keys: Path
    folder: Path

    def login(self, person: str, *options: str, answer: str | None = None, command: str = "id -un") -> Done:
        """Log in over a new connection; ``answer`` is given to whatever is asked, without it nothing may be asked."""
        fresh = ["-o", "ControlPath=none", "-o", "ControlMaster=no", "-o", "IdentityFile=none", "-l", person]
        env = dict(os.environ)
        if answer is None:
            fresh += ["-o", "BatchMode=yes"]
        else:
            fresh += ["-o", "KbdInteractiveAuthentication=yes", "-o", "NumberOfPasswordPrompts=1"]
            ask = self.folder / "ask"
            ask.write_text('#!/bin/sh\nprintf "%s\\n" "$ANSWER"\n')
            ask.chmod(0o700)
            env |= {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "ANSWER": answer}
        argv = ["ssh", "-F", str(INVENTORY / ".ssh_config"), *options, *fresh, self.name, command]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL, env=env
        )

    def with_key(self, person: str, *options: str, key: str = "", answer: str | None = None) -> Done:
        """Log in with a person's key file, or another's."""
        return self.login(person, "-i", str(self.keys / (key or person)), *options, answer=answer)

    def with_device(self, person: str, *, touched: bool = True, verified: bool = True) -> Done:
        """Log in with a security key that was touched, and whose PIN was given, or not."""
        with authenticator.serving([self.keys / person], touched=touched, verified=verified) as socket:
            return self.with_key(person, "-o", f"IdentityAgent={socket}")

    def enrolled(self, person: str) -> str:
        """Give a person new codes on this machine; return the seed."""
        seed = code.new_seed()
        self.root(f"install -d -m 700 {SEEDS}")
        self.root(f"umask 077; printf %s '{code.file_text(seed)}' > {SEEDS}/{person}")
        return seed

    def root(self, command: str) -> str:
        """Run a shell command as root; a failure is the test's."""
        done = self.host.run(command)
        assert done.rc == 0, done.stderr
        return done.stdout.strip()

    def moment(self) -> str:
        """Return the machine's time, for ``logged``."""
        return self.root("date +'%F %T'")

    def logged(self, since: str) -> str:
        """Return what sshd, sudo and PAM wrote since a moment."""
        return self.root(f"journalctl --sync; journalctl --output=cat --since '{since}' --facility=auth,authpriv")


@pytest.fixture
def door(
    host: Host, keys: Path, tmp_path: Path, alone: Callable[[str], AbstractContextManager[None]]
) -> Iterator[Door]:
    """Return the door of a machine, and take the codes and dates of a test away again."""
    made = Door(host.backend.get_pytest_id().removeprefix("ssh://"), host, keys, tmp_path)
    with alone(made.name):
        made.root("cp -p /etc/haechi/mfa-window /run/mfa-window")
        yield made
        made.root(f"rm -rf {SEEDS}/*; cp -p /run/mfa-window /etc/haechi/mfa-window")


def got_in(done: Done, person: str) -> bool:
    """Return whether a login said its own name; anything but sshd's refusal otherwise is the test's failure."""
    if (done.returncode, done.stdout) == (0, f"{person}\n"):
        return True
    refusals = ("Permission denied (", "Too many authentication failures", "closed by")
    assert done.returncode == 255, done.stderr
    assert any(word in done.stderr for word in refusals), done.stderr
    return False
