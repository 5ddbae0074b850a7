"""``haechi enrol`` on a terminal: shown once, confirmed by a code, on every host, in no log; again by approval."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from conftest import INVENTORY, ROOT, SEEDS, Door, code_of_now, got_in
from terminal import enrolled

HAECHI = Path(sys.executable).with_name("haechi")


def haechi(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command without a terminal."""
    argv = [str(HAECHI), "enrol", "-i", str(INVENTORY), *arguments]
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120, stdin=subprocess.DEVNULL
    )


def on_a_terminal(*arguments: str, wrong: bool = False) -> tuple[int, str, str]:
    """Run the command as a person with an app does; return its exit code, its words and the seed."""
    return enrolled([str(HAECHI), "enrol", "-i", str(INVENTORY), *arguments], ROOT, wrong=wrong)


@pytest.fixture
def site(door: Door, alone: Callable[[str], AbstractContextManager[None]]) -> Iterator[Door]:
    """Enrolment is for all hosts at once, so one machine's tests stand for it, while the other's wait."""
    if door.name != "trixie":
        pytest.skip("an enrolment is for all hosts at once: tested once, from trixie")
    with alone("bookworm"):
        yield door


def everywhere(command: str) -> list[str]:
    """Run a shell command as root on every host of the site at once."""
    hosts = ("gw", "trixie", "bookworm", "data1")
    config = ["ssh", "-F", str(INVENTORY / ".ssh_config"), "-o", "BatchMode=yes"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen([*config, host, f"sudo {command}"], text=True, **pipes) for host in hosts]
    return [one.communicate(timeout=60)[0].strip() for one in started]


def test_an_enrolment_from_the_first_to_the_second_device(site: Door) -> None:
    """One story, since each step stands on the one before."""
    try:
        everywhere(f"rm -f {SEEDS}/tom")
        refused = haechi("tom")
        assert (refused.returncode, "run it on a terminal" in refused.stderr) == (1, True)
        assert "needs no codes" in haechi("fay").stderr

        exit_code, said, seed = on_a_terminal("tom", wrong=True)
        assert (exit_code, "nothing was delivered" in said) == (1, True), said
        assert set(everywhere(f"ls -A {SEEDS} 2>/dev/null")) <= {"", "bob"}

        exit_code, said, seed = on_a_terminal("tom")
        assert exit_code == 0, said
        assert "█" in said or "▀" in said
        assert all(line.startswith(seed) for line in everywhere(f"cat {SEEDS}/tom"))
        assert got_in(site.with_key("tom", answer=code_of_now(seed)), "tom")
        # Neither journal nor evidence nor state of the controller has it.
        assert site.root(f'journalctl --no-pager | grep -c "$(head -1 {SEEDS}/tom)" || true') == "0"
        state = next(line for line in (INVENTORY / ".ssh_config").read_text().splitlines() if "UserKnownHosts" in line)
        kept = Path(state.split(maxsplit=1)[1].strip('"')).parent
        assert [path for path in kept.rglob("*") if path.is_file() and seed.encode() in path.read_bytes()] == []

        exit_code, said, _ = on_a_terminal("tom")
        assert (exit_code, "another person approves" in said) == (1, True), said

        everywhere(f"test -f {SEEDS}/tom -a $(hostname) = data1 && sudo rm {SEEDS}/tom")
        spread = haechi("tom", "--spread")
        assert spread.returncode == 0, spread.stderr
        assert all(line.startswith(seed) for line in everywhere(f"cat {SEEDS}/tom"))

        _again(site, seed)
    finally:
        everywhere(f"rm -f {SEEDS}/tom")


def _again(site: Door, seed: str) -> None:
    asked = site.folder / "again.json"
    assert haechi("tom", "--ask", str(asked), "--by", "ann", "--reason", "the phone was lost").returncode == 0
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "haechi-enrol", "-f"]

    def signed_by(who: str) -> None:
        asked.with_name("again.json.sig").unlink(missing_ok=True)
        subprocess.run([*sign, str(site.keys / who), str(asked)], check=True)

    signed_by("bob")
    _, said, _ = on_a_terminal("tom", "--approval", str(asked))
    assert "names ann, and bob's key signed it" in said
    signed_by("ann")
    exit_code, said, fresh = on_a_terminal("tom", "--approval", str(asked))
    assert exit_code == 0, said
    assert fresh != seed
    assert all(line.startswith(fresh) for line in everywhere(f"cat {SEEDS}/tom"))
    assert not got_in(site.with_key("tom", answer=code_of_now(seed)), "tom")
    assert got_in(site.with_key("tom", answer=code_of_now(fresh)), "tom")
    _, said, _ = on_a_terminal("tom", "--approval", str(asked))
    assert "used already" in said
