"""``haechi lab``: the site of an inventory as containers on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from haechi.lab import site
from haechi.lab.podman import LabError


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "lab",
        help="stand a lab up, look at it, take it down",
        description="Make the machines of an inventory as unprivileged systemd containers on this machine.",
        epilog="exit codes: 0 done, 1 a machine is not running (status), 3 the lab cannot be made here",
    )
    verbs = parser.add_subparsers(dest="lab_verb", required=True, metavar="up|down|status")
    for name, words in (
        ("up", "make what is missing; a second call does nothing"),
        ("down", "remove machines, networks, keys and state that `up` made"),
        ("status", "show what systemd says on each machine"),
    ):
        verb = verbs.add_parser(name, help=words, description=words)
        verb.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the lab")
        if name == "up":
            verb.add_argument("--fresh", action="store_true", help="remake every machine, bare as on its first day")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    try:
        if args.lab_verb == "up":
            site.up(args.inventory, print, fresh=args.fresh)
        elif args.lab_verb == "down":
            site.down(args.inventory, print)
        else:
            states = site.status(args.inventory)
            for name, state in states.items():
                print(f"{name:12} {state}")
            return 0 if set(states.values()) == {"running"} else 1
    except LabError as error:
        print(error, file=sys.stderr)
        return 3
    return 0
