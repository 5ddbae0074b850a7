"""``haechi fleet-bench``: how fast somebody is put out of many hosts at once."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from haechi.demo import StoryError
from haechi.fleet import measure, screen
from haechi.fleet.figures import figures
from haechi.fleet.inventory import LEAVER, hosts
from haechi.lab.podman import LabError

INTERRUPTED = 130


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "fleet-bench",
        help="measure how fast somebody is put out of many hosts at once",
        description="Make a fleet of containers, log somebody in on ten of them, offboard her, and look whether she is "
        "out and her colleague is not. Removes all that it made. Writes artifacts/fleet.json; judges no time.",
        epilog="exit codes: 0 done, 1 she was not put out, or somebody else was, 2 wrong usage, 3 not possible here",
    )
    parser.add_argument("--hosts", type=_count, default=100, metavar="N", help="machines, the bastion included")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, show and write the figures; a bench that broke off leaves none behind."""
    console, began = Console(highlight=False), time.monotonic()

    def say(line: str) -> None:
        console.print(f"[bold cyan]{time.monotonic() - began:6.1f} s[/]  {escape(line)}", soft_wrap=True)

    def end(what: str, error: Exception, code: int) -> int:
        console.print(f"[bold red]{what}:[/] {escape(str(error))}", soft_wrap=True)
        return code

    root = Path.cwd()
    target = root / "artifacts/fleet.json"
    target.unlink(missing_ok=True)
    try:
        with measure.made(root, args.hosts, say) as fleet:
            fleet.work()
            leaving = fleet.leave()
            fleet.look()
            result = figures(leaving, fleet.stages, len(fleet.sessions[LEAVER]))
    except StoryError as error:
        return end("The bench broke off", error, 1)
    except LabError as error:
        return end("The fleet cannot be made", error, 3)
    except KeyboardInterrupt:
        console.print("Stopped; all that was made is removed.")
        return INTERRUPTED
    screen.write(target, result)
    screen.show(console, result)
    return 0


def _count(text: str) -> int:
    try:
        return len(hosts(int(text)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
