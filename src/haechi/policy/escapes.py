"""Which commands of sudo are a shell by another name, why, and what to allow in their place.

Facts of sudoers(5) ("Preventing shell escapes") and of each program's own manual page. Pure, over the command's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

READ = "let the job's groups (adm, systemd-journal) read it without sudo, or allow /usr/bin/cat with the file's path"
MANAGE = "have the file managed by policy"
NARROW = "write a root-owned script below /usr/local/sbin that does this one thing, and allow that"
NO_PAGER = "add --no-pager"


@dataclass(frozen=True)
class Escape:
    """How a command lets go of its bounds, and what to do instead."""

    why: str
    mend: str


_PAGER = Escape("a pager: `!sh` at its prompt is a shell", READ)
_EDITOR = Escape("an editor: it starts a shell, and writes every file", MANAGE)
_SHELL = Escape("a shell", NARROW)
_BECOMES = Escape("it starts a shell as somebody else", "allow the command itself, with `run_as:`")
_LANGUAGE = Escape("an interpreter: it runs whatever it is given", NARROW)
_STARTER = Escape("it starts the program that its arguments name", "allow that program itself")
_ARCHIVE = Escape("its options start programs, and unpacking as root writes every file", NARROW)
_CONSOLE = Escape("its console starts a shell (`\\!` or `.shell`)", NARROW)
_REMOTE = Escape("its options start programs (-o ProxyCommand, -e, -S)", NARROW)
_CONTAINER = Escape("a container that mounts / is root on the host", NARROW)
_DEBUGGER = Escape("it runs commands inside other processes", NARROW)

_NAMES: dict[Escape, str] = {
    _PAGER: "less more most pg lv man apropos whatis info pager bat zless zmore bzless xzless",
    _EDITOR: "vi vim view vimdiff nvim ex rvim rview ed red nano rnano pico emacs joe jed mcedit ne "
    "editor sensible-editor vipw vigr visudo crontab",
    _SHELL: "sh bash dash rbash zsh ksh mksh csh tcsh fish ash busybox",
    _BECOMES: "su sudo runuser setpriv chroot nsenter unshare machinectl capsh pkexec login sulogin",
    _LANGUAGE: "awk gawk mawk nawk original-awk perl ruby lua node nodejs php tclsh expect sed m4 dc jrunscript "
    "guile make ansible ansible-playbook",
    _STARTER: "env nice ionice timeout nohup setsid stdbuf time watch xargs parallel flock script taskset chrt "
    "start-stop-daemon run-parts screen tmux systemd-run unbuffer prlimit at batch entr socat nc ncat",
    _ARCHIVE: "tar bsdtar cpio zip 7z ar unzip",
    _CONSOLE: "mysql mariadb psql sqlite3 ftp sftp telnet redis-cli",
    _REMOTE: "ssh scp rsync git wget curl tcpdump",
    _CONTAINER: "docker podman nerdctl ctr lxc incus kubectl virsh",
    _DEBUGGER: "gdb strace ltrace perf bpftrace",
}
PROGRAMS: dict[str, Escape] = {name: escape for escape, names in _NAMES.items() for name in names.split()}
_VERSIONED = re.compile(r"(python|perl|ruby|lua|php|pypy|node|tclsh)[0-9.]*")
_VIM = re.compile(r"vim\.[a-z0-9]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# systemd's tools page their output unless told not to (systemd(1), SYSTEMD_PAGER); these verbs print through no pager.
_PAGED = _set(
    "systemctl journalctl loginctl networkctl resolvectl timedatectl hostnamectl localectl busctl coredumpctl bootctl "
    "systemd-analyze userdbctl"
)
_SILENT = _set(
    "start stop restart reload try-restart reload-or-restart try-reload-or-restart kill enable disable reenable mask "
    "unmask daemon-reload reset-failed is-active is-enabled is-failed"
)
_APT = _set("install reinstall upgrade full-upgrade dist-upgrade remove purge source changelog edit-sources")
_DPKG = _set("-i --install --configure --unpack -r --remove -P --purge")
_FIND = _set("-exec -execdir -ok -okdir -fprint -fprint0 -fprintf -fls")
# Where somebody else than root may put a file: whoever can, replaces the program.
_WRITABLE = ("/tmp/", "/var/tmp/", "/dev/shm/", "/home/", "/run/user/", "/run/lock/", "/var/lock/")  # noqa: S108


def _systemd(program: str, words: list[str]) -> Escape | None:
    verbs = [word for word in words if not word.startswith("-")]
    if program == "systemctl" and verbs[:1] == ["edit"]:
        return Escape("an editor: it starts a shell, and writes every unit", MANAGE)
    if program == "systemctl" and any("/" in word for word in verbs):
        return Escape("a unit's file by its path: whoever writes it says what root runs", "name the unit alone")
    if "--no-pager" in words or (program == "systemctl" and verbs[:1] and verbs[0] in _SILENT):
        return None
    return Escape("it shows its output in a pager, where `!sh` is a shell", NO_PAGER)


def _find(_: str, words: list[str]) -> Escape | None:
    found = next((word for word in words if word in _FIND), None)
    return Escape(f"{found} starts a program or writes a file", "leave it out, and let find print") if found else None


def _packages(_: str, words: list[str]) -> Escape | None:
    if not set(words) & (_APT | _DPKG):
        return None
    return Escape(
        "dpkg runs the package's scripts, and offers a shell (Z) at a changed file", "leave it to the playbooks"
    )


_ASKED: dict[str, Callable[[str, list[str]], Escape | None]] = {
    "find": _find,
    **dict.fromkeys(_PAGED, _systemd),
    **dict.fromkeys(("apt", "apt-get", "aptitude", "dpkg"), _packages),
}


def escape(command: str) -> Escape | None:
    """Return how a command of sudo gives more than itself; None where it does not, or is no absolute path."""
    if command == "ALL":
        return Escape("every command, so every shell", "list the exact commands of the job")
    path, *words = command.split()
    program = path.rpartition("/")[2]
    if path.startswith(_WRITABLE):
        return Escape("others than root may write there, and replace the program", "move it below /usr/local/sbin")
    if program in _ASKED:
        return _ASKED[program](program, words)
    families = ((_VERSIONED, _LANGUAGE), (_VIM, _EDITOR))
    return PROGRAMS.get(program) or next((found for names, found in families if names.fullmatch(program)), None)
