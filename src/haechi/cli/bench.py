"""``haechi bench``: how fast the standing lab is judged and made right."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from haechi.bench import measure, screen
from haechi.bench.figures import figures
from haechi.demo import StoryError
from haechi.demo.playbooks import Playbooks
from haechi.lab.podman import LabError
from haechi.policy.resolve import managed

INTERRUPTED = 130
AGAIN = "`make demo` stands the lab up anew, whatever state this left it in."


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed on the standing lab",
        description="Measure on the standing, hardened lab, in units of a playbook with one ping. Intrusion prevention "
        "is off while clients are timed without it, the edge that holds the address loses its machine once, and one "
        "machine of the lab is made anew for the first converge, and hardened again. Writes artifacts/bench.json; "
        "judges no time.",
        epilog="exit codes: 0 done, 1 a playbook failed, 2 wrong usage, 3 the lab is not standing",
    )
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the lab")
    parser.add_argument("--repeat", type=_repeat, default=3, metavar="N", help="runs of each kind; their median counts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, show and write the figures; a bench that broke off leaves none behind."""
    console, began = Console(highlight=False), time.monotonic()

    def say(line: str) -> None:
        console.print(f"[bold cyan]{time.monotonic() - began:6.1f} s[/]  {escape(line)}", soft_wrap=True)

    def end(what: str, error: Exception, code: int) -> int:
        console.print(f"[bold red]{what}:[/] {escape(str(error))}", soft_wrap=True)
        return code

    root = args.inventory.resolve().parents[1]
    target = root / "artifacts/bench.json"
    target.unlink(missing_ok=True)
    try:
        policy = measure.standing(args.inventory)
        host = measure.chosen(policy)
        playbooks = Playbooks(root, args.inventory.resolve())
        samples = measure.Bench(playbooks=playbooks, policy=policy, host=host, say=say).run(args.repeat)
    except StoryError as error:
        return end("The bench broke off", StoryError(f"{error}. {AGAIN}"), 1)
    except LabError as error:
        return end("The lab is not standing", error, 3)
    except KeyboardInterrupt:
        console.print(f"Stopped. {AGAIN}")
        return INTERRUPTED
    result = figures(samples)
    screen.write(target, result)
    screen.show(console, result, host, len(managed(policy)))
    return 0


def _repeat(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: take a whole number from 1")
    return int(text)
