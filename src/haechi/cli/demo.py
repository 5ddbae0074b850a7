"""``haechi demo``: a fleet stands up, is hardened, and a leaver is gone."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from haechi.demo import StoryError, screen, story
from haechi.lab.podman import LabError

INTERRUPTED = 130


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "demo",
        help="stand the lab up, harden it, offboard somebody, and measure",
        description="Stand the lab up anew, harden it, offboard an engineer who is logged in, and measure.",
        epilog="exit codes: 0 the whole story happened, 1 a part of it did not, 3 the lab cannot be made here",
    )
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the lab")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell the story, show and write its figures; a story that did not happen leaves no figures behind."""
    console, began = Console(highlight=False), time.monotonic()

    def say(line: str) -> None:
        console.print(f"[bold cyan]{time.monotonic() - began:6.1f} s[/]  {escape(line)}", soft_wrap=True)

    root = args.inventory.resolve().parents[1]
    target = root / "artifacts/demo.json"
    target.unlink(missing_ok=True)
    try:
        figures = story.tell(root, args.inventory, say)
    except StoryError as error:
        console.print(f"[bold red]The story broke off:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except LabError as error:
        console.print(f"[bold red]The lab cannot be made:[/] {escape(str(error))}", soft_wrap=True)
        return 3
    except KeyboardInterrupt:
        console.print("Stopped; `make demo` starts anew, `make demo-down` removes what stands.")
        return INTERRUPTED
    screen.write(target, figures)
    screen.show(console, figures)
    return 0
