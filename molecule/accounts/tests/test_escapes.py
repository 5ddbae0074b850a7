"""An operator at a terminal tries to get a shell out of what sudo allows: with stock rules it works, with ours not."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from machines import Machine, run

from haechi.desired import accounts
from haechi.policy.escapes import escape
from haechi.policy.models import SudoRule

RULES, PROOF, LONG, PAGER = "/etc/sudoers.d/haechi-ann", "/run/hx-escaped", "/run/hx-long", "/usr/local/bin/hx-pager"
MORE = f"/usr/bin/more {LONG}"
ALLOWED = ["/usr/bin/systemctl --no-pager --failed", "/usr/bin/journalctl --no-pager --since today"]
# What a person can bring along: programs for sudo's command to start, and less secure ways for it to do so.
BROUGHT = f"SYSTEMD_PAGERSECURE=0 SYSTEMD_PAGER={PAGER} PAGER={PAGER} EDITOR={PAGER} LESSOPEN='|{PAGER}' LESS="
KEEP = "/etc/sudoers.d/00-keep"
# Without a size and a kind of its own a terminal is none to a pager, which then shows everything at once.
SCREEN = "stty rows 24 columns 80; export TERM=vt100; "
# Typed one by one, as by a person: more(1) takes what comes with `!` in one go for further commands of its own.
KEYS = ("!", f"id -u >>{PROOF}", "\n", "\n", "!", "sh", "\n", f"id -u >>{PROOF}", "\n", "exit\n", "q", "q\n")


@pytest.fixture
def terminal(machine: Machine) -> Iterator[Machine]:
    """Return a machine with something to page through and a pager that tells who started it; both go again."""
    machine.root(f"seq 5000 >{LONG}; chmod 644 {LONG}; cp -p {RULES} /run/hx-rules; systemd-cat echo a line")
    machine.root(f"printf '#!/bin/sh\\nid -u >>{PROOF}\\n' >{PAGER}; chmod 755 {PAGER}")
    yield machine
    machine.root(f"cp -p /run/hx-rules {RULES}; rm -f {KEEP} {LONG} {PAGER} {PROOF} /run/hx-rules")


def allow(machine: Machine, *lines: str) -> None:
    """Give ann other rules, as visudo takes them."""
    text = "\n".join(lines)
    machine.root(f"rm -f {PROOF}; chmod 640 {RULES}; cat >{RULES} <<'END'\n{text}\nEND\nchmod 440 {RULES}; visudo -c")


def at_a_terminal(machine: Machine, *commands: str) -> list[str]:
    """Run commands as ann, each at a terminal of its own, and return as whom a shell of hers ran."""
    with ThreadPoolExecutor() as hands:
        list(hands.map(lambda command: _typed_at(machine, command), commands))
    return machine.root(f"cat {PROOF} 2>/dev/null || true").split()


def _typed_at(machine: Machine, command: str) -> None:
    argv = [*machine.ssh("ann", "-tt"), SCREEN + command]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        _wait_for_a_pager(session.stdout.fileno())
        for key in KEYS:
            time.sleep(0.3)
            try:
                session.stdin.write(key.encode())
                session.stdin.flush()
            except BrokenPipeError:
                break
        try:
            session.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            session.kill()


def _wait_for_a_pager(screen: int) -> None:
    """Read until more(1) asks for a key, the session ends, or nothing new was shown for 15 s."""
    shown = b""
    while b"--More--" not in shown and select.select([screen], [], [], 15)[0]:
        part = os.read(screen, 65536)
        if not part:
            return
        shown += part


def test_a_pager_under_stock_rules_is_root_and_under_ours_is_not(terminal: Machine) -> None:
    """The first shows that the keys open a shell where nothing keeps it shut: so the second means something."""
    allow(terminal, f"ann ALL=(root) NOPASSWD: {MORE}")
    assert "0" in at_a_terminal(terminal, f"sudo -n {MORE}")

    allow(terminal, *accounts.sudo_lines("ann", [SudoRule(commands=(MORE,), nopasswd=True)]))
    assert at_a_terminal(terminal, f"sudo -n {MORE}") == []


def test_what_a_person_brings_along_reaches_nothing(terminal: Machine) -> None:
    """A pager of her own runs as root where sudo keeps her environment, and not at all with policy's rules."""
    paged = "/usr/bin/journalctl --since today"
    allow(terminal, "Defaults:ann !env_reset", f"ann ALL=(root) NOPASSWD: SETENV: {paged}")
    assert "0" in at_a_terminal(terminal, f"{BROUGHT} sudo -n {paged}")

    terminal.root(f"cp -p /run/hx-rules {RULES}; rm -f {PROOF}")
    ways = (f"{BROUGHT} sudo -n", f"sudo -n PAGER={PAGER} SYSTEMD_PAGER={PAGER}")
    assert at_a_terminal(terminal, *(f"{way} {command}" for way in ways for command in ALLOWED)) == []


def test_sudo_s_own_settings_outlive_a_careless_line(terminal: Machine) -> None:
    """Somebody keeps PAGER for everybody; for people of policy it is taken out again."""
    careless = 'Defaults env_keep += "PAGER SYSTEMD_PAGER SYSTEMD_PAGERSECURE"'
    terminal.root(f"umask 337; echo '{careless}' >{KEEP}")
    show = "/usr/bin/printenv SYSTEMD_PAGER"
    allow(terminal, f"ann ALL=(root) NOPASSWD: {show}")
    kept = terminal.login("ann", f"SYSTEMD_PAGER={PAGER} sudo -n {show}").stdout.strip()
    allow(terminal, accounts.DEFAULTS.format("ann"), f"ann ALL=(root) NOPASSWD: {show}")
    taken = terminal.login("ann", f"SYSTEMD_PAGER={PAGER} sudo -n {show}").stdout.strip()

    assert (kept, taken) == (PAGER, "")


# What runs a program of the caller's choice; validate refuses each, and where one slips through sudo itself holds it.
STARTERS = {
    "/usr/bin/find": "/etc/hostname -exec /usr/bin/touch {} ';'",
    "/usr/bin/perl": "-e 'exec(qw(/usr/bin/touch {}))'",
    "/usr/bin/env": "/usr/bin/touch {}",
    "/usr/bin/awk": "'BEGIN {{ system(\"/usr/bin/touch {}\") }}'",
    "/usr/bin/tar": "-cf /dev/null /etc/hostname --checkpoint=1 --checkpoint-action=exec='/usr/bin/touch {}'",
    "/usr/bin/sh": "-c '/usr/bin/touch {}'",
}


@pytest.mark.parametrize("program", STARTERS)
def test_what_starts_programs_starts_none(terminal: Machine, program: str) -> None:
    """With the same rule but for NOEXEC the program runs, as root."""
    attempt = f"sudo -n {program} {STARTERS[program].format(PROOF)}"
    allow(terminal, f"ann ALL=(root) NOPASSWD: {program}")
    terminal.login("ann", attempt)
    assert terminal.root(f"stat --format %U {PROOF}") == "root"

    allow(terminal, f"ann ALL=(root) NOPASSWD: NOEXEC: {program}")
    terminal.login("ann", attempt)
    assert not terminal.host.file(PROOF).exists
    assert escape(program + (" -exec id" if program.endswith("find") else "")) is not None


def test_what_needs_no_child_works_as_before(terminal: Machine) -> None:
    """A restart, at a terminal too, where systemctl would start an agent that asks for passwords."""
    restart = "/usr/bin/systemctl restart systemd-journald.service"
    allow(terminal, *accounts.sudo_lines("ann", [SudoRule(commands=(restart,), nopasswd=True)]))

    assert terminal.login("ann", f"sudo -n {restart}").returncode == 0
    assert run(*terminal.ssh("ann", "-tt"), f"{SCREEN}sudo -n {restart}").returncode == 0
