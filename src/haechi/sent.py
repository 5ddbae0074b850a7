"""A program that needs nothing on a host, sent to many at once: one line of JSON in, one out.

It goes over SSH, what it must not show anybody on standard input: past every file and variable of the controller.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haechi import errand, sshconfig
from haechi import way as ways
from haechi.lane import FAULTS, Lane, run, said

PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one host answered, or why it did not."""

    document: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


def send(
    inventory: Path, hosts: Iterable[str], program: Path, request: Mapping[str, Any], before: tuple[str, ...] = ()
) -> dict[str, Answer]:
    """Run a program as root on hosts at once, each with the same request; return what each told.

    The request is given a ``nonce``, which the answer has to repeat; ``failed`` in it is the host's own complaint. A
    host that does not answer is named so. ``before`` are the words of a command that runs the program.
    """
    config = ("-F", str(inventory.resolve() / sshconfig.FILE_NAME))
    text = program.read_text()

    async def all_of_it() -> dict[str, Answer]:
        lane = Lane()
        try:
            names = list(hosts)
            told = await asyncio.gather(*(_one(lane, config, name, (text, before), request) for name in names))
            return dict(zip(names, told, strict=True))
        finally:
            await lane.close()

    return asyncio.run(all_of_it())


def perform(inventory: Path, host: str, part: str, asked: Mapping[str, Any], module_utils: Path) -> Mapping[str, Any]:
    """Have one host do ``perform`` of a part's module ``task``, as a task of a playbook would; return its answer.

    Raises ``AnswerError`` with the host's own words, or with why it was not reached.
    """
    config = ("-F", str(inventory.resolve() / sshconfig.FILE_NAME))
    job = errand.task(part, asked, errand.pack(module_utils, "task", f"{part}.task"), check=False)

    async def done() -> Mapping[str, Any]:
        lane = Lane()
        try:
            way = await asyncio.to_thread(ways.find, config, host)
            command = errand.command(way.user, module="task")
            async with (
                asyncio.timeout(PATIENCE_S),
                await lane.log_in(way) as connection,
                aclosing(run(connection, command, job.text)) as lines,
            ):
                heard = [found async for line in lines if (found := job.read(line))]
        except FAULTS as error:
            raise errand.AnswerError(f"{host}: {said(error)}") from error
        finally:
            await lane.close()
        result: Mapping[str, Any] = heard[-1]["result"] if heard else {"failed": "it ended without an answer"}
        if "failed" in result:
            raise errand.AnswerError(f"{host}: {result['failed']}")
        return result

    return asyncio.run(done())


async def _one(
    lane: Lane, config: tuple[str, str], host: str, program: tuple[str, tuple[str, ...]], request: Mapping[str, Any]
) -> Answer:
    nonce = secrets.token_hex(16)
    line = json.dumps({**request, "nonce": nonce}).encode() + b"\n"
    text, before = program
    try:
        way = await asyncio.to_thread(ways.find, config, host)
        root = () if way.user == "root" else ("sudo", "-n", "--")
        # No variable, folder or installed package of the host brings code into root's run (python3(1), -I and -S).
        command = shlex.join([*root, *before, errand.PYTHON, "-I", "-S", "-c", text])
        async with (
            asyncio.timeout(PATIENCE_S),
            await lane.log_in(way) as connection,
            aclosing(run(connection, command, line)) as lines,
        ):
            heard = [document async for text in lines if (document := _document(text, nonce))]
    except FAULTS as error:
        return Answer(fault=said(error))
    if not heard or "failed" in heard[-1]:
        return Answer(fault=str(heard[-1]["failed"]) if heard else "the host ended without an answer")
    return Answer(document=heard[-1])


def _document(text: str, nonce: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    # What lacks the nonce was printed by something else, a start-up file of the login shell for one.
    return found if isinstance(found, dict) and found.get("nonce") == nonce else None
