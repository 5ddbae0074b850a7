"""What an errand takes along is all that it needs on a host where nothing of ours is."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from haechi import errand
from tests.unpacked import unpack

MODULE_UTILS = Path(__file__).parents[3] / "plugins/module_utils"
PARTS = sorted(path.parent.name for path in MODULE_UTILS.glob("*/task.py"))
STATUS = {"subsystem": "sudo", "phase": "status", "token": "none", "owner": "a test"}
STATUS |= {"files": [], "options": {}, "secrets": {}, "prove": {}, "rollback_after": 25}


def test_there_are_parts() -> None:
    """Or the next test tries nothing."""
    parts = "accounts baseline edge firmware guard ids pki posture probe profile recorder service vpn"
    assert parts.split() == PARTS


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "modules", [("task", f"{part}.task") for part in PARTS] + [("accounts.errand",), ("pki.errand",)]
)
def test_every_module_that_goes_along_finds_what_it_imports(tmp_path: Path, modules: tuple[str, ...]) -> None:
    """Also what it would only import once it runs: nothing but the standard library is there."""
    code = errand.pack(MODULE_UTILS, *modules)
    found = [name for name, source in errand.sources(code).items() if source is not None]
    path = unpack(code, tmp_path)
    program = (
        f"import importlib, sys\nsys.path.insert(0, {str(path)!r})\nfor name in {found}: importlib.import_module(name)"
    )

    assert {f"{errand.PACKAGE}.{module}" for module in modules} <= {*found}
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("pki.errand", ".posture."),
        ("accounts.errand", ".accounts.logins"),
        ("accounts.errand", ".baseline.change"),
    ],
)
def test_nothing_goes_along_that_is_not_needed(module: str, spared: str) -> None:
    """Every file is read and compiled anew on every host."""
    assert not [name for name in errand.sources(errand.pack(MODULE_UTILS, module)) if spared in name]


def carried_out(request: dict[str, Any], *, check: bool) -> tuple[errand.Errand, subprocess.CompletedProcess[bytes]]:
    sent = errand.task("guard", request, errand.pack(MODULE_UTILS, "task", "guard.task"), check=check)
    argv = ["sh", "-c", errand.command("root", sys.executable, module="task")]
    return sent, subprocess.run(argv, input=sent.text, capture_output=True, check=False)


def test_a_task_is_carried_out_and_answered() -> None:
    """By a program that has no file anywhere."""
    sent, done = carried_out(STATUS, check=True)

    document = sent.read(done.stdout.decode())
    assert document is not None
    assert (document["result"]["changed"], document["result"]["warnings"]) == (False, [])


def test_what_an_errand_makes_is_open_to_others_whatever_the_umask_of_the_login() -> None:
    """The baseline closes it, and a folder made then kept keepalived from its own check."""
    parts = errand.PACKAGE.split(".")
    folders = dict.fromkeys(".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    told = {**folders, f"{errand.PACKAGE}.told": "import os\ndef run(line, say): say(oct(os.umask(0)))\n"}
    sent = b"{}\n" + zlib.compress(json.dumps(told).encode())
    command = f"umask 077; {errand.command('root', sys.executable, module='told')}"

    done = subprocess.run(["sh", "-c", command], input=sent, capture_output=True, check=True)
    assert done.stdout == b"0o22\n"


def test_a_task_that_breaks_gives_no_answer() -> None:
    """The traceback goes to standard error, the last line of which the operator reads."""
    _, done = carried_out({**STATUS, "owner": None, "options": None}, check=True)

    assert (done.stdout, done.returncode) == (b"", 1)
    assert done.stderr.decode().strip().splitlines()[-1].startswith("TypeError: ")


def test_what_goes_along_can_be_read_on_the_host() -> None:
    """The guard writes its rollback to the disk, and others a program that the host runs by itself."""
    reads = (
        "import inspect\n"
        f"from {errand.PACKAGE}.guard import rollback\n"
        "print(inspect.getsource(rollback) == rollback.__spec__.loader.get_source(rollback.__name__))"
    )
    boot = errand._BOOT.partition("errand = ")[0] + reads
    sent = errand.task("guard", STATUS, errand.pack(MODULE_UTILS, "guard.task"), check=True)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", boot], input=sent.text, capture_output=True, check=False)

    assert (done.stderr, done.stdout) == (b"", b"True\n")
