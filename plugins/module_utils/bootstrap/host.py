"""The thin layer under bootstrap that reads a host and changes it."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.bootstrap.plan import DROP_IN, Account, Plan, Seen
from ansible_collections.haechi.guard.plugins.module_utils.guard import sshd_judgement

# A cloud user's PATH may lack the folders of the administration programs.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BootstrapError(Exception):
    """The host refused a step; the message says which and how to mend it."""


def run(*argv: str, stdin: str | None = None, check: bool = True) -> str:
    """Run a program and return its output; a failure is one sentence."""
    environment = {**os.environ, "PATH": _PATH, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, input=stdin or "", capture_output=True, text=True, check=False, env=environment)
    if check and done.returncode:
        raise BootstrapError(f"`{' '.join(argv)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def observe(user: str) -> Seen:
    """Read what bootstrap would change."""
    keys, settings = Path("/etc/ssh/authorized_keys.d") / user, effective(user)
    return Seen(
        account=_account(user),
        group=any(entry.gr_name == user for entry in grp.getgrall()),
        keys=keys.read_text() if keys.is_file() else "",
        sudo=run("sudo", "-n", "-l", "-U", user, check=False),
        key_files=settings.get("authorizedkeysfile", ()),
        exempt=_listed(settings.get("persourcepenaltyexemptlist")),
    )


def effective(user: str) -> sshd_judgement.Effective:
    """Return what sshd itself says is in force for the account."""
    # sshd refuses to start without its privilege separation folder, which socket activation makes late.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    return sshd_judgement.parse(run("sshd", "-T", "-C", f"user={user},host=localhost,addr=127.0.0.1"))


def steps(todo: Plan) -> tuple[tree.Step, ...]:
    """Return the files of a plan as steps from what is there."""
    wanted = [tree.File(path, text.encode(), int(mode, 8)) for path, (text, mode) in todo.files.items()]
    found: tuple[tree.Step, ...] = tree.plan({file.path: tree.observe(file.path) for file in wanted}, wanted, ())
    return found


def apply(todo: Plan, changes: tuple[tree.Step, ...]) -> None:
    """Make the account, then place the files; the old files come back if sudo or sshd refuses the new."""
    for path, (text, _mode) in todo.files.items():
        if path.startswith("/etc/sudoers.d/"):
            run("visudo", "-c", "-f", "-", stdin=text)
    for argv in todo.commands:
        run(*argv)
    try:
        for step in changes:
            tree.put(step.path, step.after)
        if DROP_IN in todo.files:
            run("sshd", "-t")
            run("systemctl", "try-reload-or-restart", "ssh.service")
    except BootstrapError:
        tree.restore(changes)
        raise


def obstacles(user: str, keys: list[str]) -> list[str]:
    """Return what in the host's own sshd settings would still keep the account out."""
    groups = [grp.getgrgid(number).gr_name for number in os.getgrouplist(user, pwd.getpwnam(user).pw_gid)]
    account: Mapping[str, object] = {"id": user, "groups": groups, "keys": keys, "shell": pwd.getpwnam(user).pw_shell}
    reasons: list[str] = sshd_judgement.judge(effective(user), account)
    return reasons


def _listed(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(",".join(words).split(","))


def _account(user: str) -> Account | None:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return None
    for line in Path("/etc/shadow").read_text().splitlines():
        name, password, _changed, _least, most, _warn, _inactive, expires, *_ = [*line.split(":"), *[""] * 8]
        if name == user:
            return Account(entry.pw_uid, entry.pw_shell, password, most, expires)
    raise BootstrapError(f"{user} is in passwd but not in shadow: run `pwconv` on the host, then bootstrap again")
