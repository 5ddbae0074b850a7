"""Having leaves signed on the authority's host: one errand over ssh, which takes its own code along."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi import sshclient

PYTHON = "/usr/bin/python3"
# One line of JSON, then the source of `plugins/module_utils/pki/x509.py`: nothing has to be installed there.
_BOOT = """\
import sys, types
line = sys.stdin.readline()
module = sys.modules["x509"] = types.ModuleType("x509")
exec(compile(sys.stdin.read(), "x509.py", "exec"), module.__dict__)
print(module.answer(line))
"""


class SignError(Exception):
    """The authority did not sign; the text says why."""


def command(user: str) -> str:
    """Return the command that runs a signing errand as root, whoever logs in with it."""
    root = () if user == "root" else ("sudo", "-n", "--")
    return shlex.join([*root, PYTHON, "-I", "-S", "-c", _BOOT])


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Where leaves are signed: the host, how ssh reaches it and as whom, and the folder of its keys."""

    host: str
    common_args: str
    user: str
    folder: str


def sign(authority: Authority, orders: Iterable[Mapping[str, Any]], code: Path) -> dict[str, str]:
    """Return name to certificate, each followed by the issuing one.

    Raises ``SignError`` where the authority is not reached, or refuses.
    """
    request = json.dumps({"folder": authority.folder, "orders": [*orders]})
    text = f"{request}\n{code.read_text(encoding='utf-8')}".encode()
    host, user = authority.host, authority.user
    answer = sshclient.ssh(authority.common_args, host, command(user), options=("-l", user), text=text)
    if answer.code:
        raise SignError(f"{host}, the authority, was not reached, so nothing was signed: {answer.last}")
    told = json.loads(answer.out.strip().rpartition("\n")[2])
    if "failed" in told:
        raise SignError(f"{host}: {told['failed']}")
    signed: dict[str, str] = told["signed"]
    return signed
