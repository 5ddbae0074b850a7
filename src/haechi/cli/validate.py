"""``haechi validate``: judge a policy, all problems at once, without Ansible or any connection."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from haechi import gate, tombstones
from haechi.pki import expiry, trust
from haechi.policy import Loaded, Problem, load, state_dir


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "validate",
        help="judge the policy of an inventory",
        description="Read a policy and report all its problems at once: file, line, what is wrong, how to mend it.",
        epilog="exit codes: 0 no error, 1 errors, 3 there is no policy to read",
    )
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="for a person or for a program")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge and show."""
    inventory = args.inventory.parent if args.inventory.is_file() else args.inventory
    loaded = _with_state(load(inventory))
    if args.format == "json":
        print(json.dumps([asdict(problem) for problem in loaded.problems], ensure_ascii=False, indent=2))
    else:
        _show(inventory, loaded)
    if not (inventory / "group_vars/all/policy").is_dir():
        return 3
    return 1 if loaded.errors or loaded.policy is None else 0


def _with_state(loaded: Loaded) -> Loaded:
    """Add what the state folder says: leavers whom policy still calls active, and X.509 authorities that expired."""
    if loaded.policy is None:
        return loaded
    policy, state, now = loaded.policy, state_dir(loaded.policy), datetime.now(UTC)
    found: Iterable[Problem]
    try:
        store = tombstones.read(state)
        found = gate.left_but_active(policy, loaded.where, store.revoked())
        found = (*found, *expiry.problems(policy, state, trust.read(policy, state, store, now), now))
    except tombstones.TombstoneError as error:
        what, mend = str(error), "no run can decide who has left until it is mended"
        found = (Problem(file=str(state), line=0, path="", what=what, mend=mend, severity="warning"),)
    return replace(loaded, problems=tuple(sorted((*loaded.problems, *found))))


def _show(inventory: Path, loaded: Loaded) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for problem in loaded.problems:
        console.print(_lines(inventory, problem))
    warnings = len(loaded.problems) - len(loaded.errors)
    if loaded.errors or loaded.policy is None:
        counted = f"{_count(len(loaded.errors), 'error')}, {_count(warnings, 'warning')}"
        console.print(f"{inventory}: {counted}. No run will start on this policy.")
        console.print(f"오류 {len(loaded.errors)}건, 경고 {warnings}건. 이 정책으로는 실행되지 않습니다.")
        return
    counted = f"{len(loaded.policy.identities)} identities, {len(loaded.policy.hosts)} hosts"
    console.print(f"{inventory}: good. {counted}, {len(loaded.policy.flows)} flows, {_count(warnings, 'warning')}.")
    console.print(f"정책에 오류가 없습니다. 경고 {warnings}건.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _lines(inventory: Path, problem: Problem) -> Text:
    colour = "bold red" if problem.severity == "error" else "bold yellow"
    inside = not problem.file.startswith(("-e", "/", str(inventory)))
    file = inventory / problem.file if inside else problem.file
    text = Text(f"{file}:{problem.line}: " if problem.line else f"{file}: ", style="cyan")
    text.append(f"{problem.severity} ", style=colour)
    text.append(f"{problem.path}: " if problem.path else "", style="bold")
    text.append(f"{problem.what}\n    -> {problem.mend}")
    return text
