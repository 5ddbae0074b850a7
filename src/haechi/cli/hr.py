"""``haechi hr``: when HR says that somebody left. The service itself is loaded when it is asked for, and not before."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from haechi.cli.hr_verbs import VERBS

IMPOSSIBLE = 3
INSTALL = "`haechi hr` needs packages of its own: pip install 'haechi[hr]', or `uv sync --extra hr` in a checkout"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "hr",
        help="put leavers out when HR says so: ask, look, approve, run the service",
        description="A leaver named by HR, or by you, is put out of every host, and it is proven (docs/hr.md).",
        epilog="exit codes: 0 done, 1 refused, late or not proven, 2 wrong usage, 3 not possible here",
    )
    verbs = parser.add_subparsers(dest="hr_verb", required=True, metavar="VERB")
    for name, (words, arguments) in VERBS.items():
        made = verbs.add_parser(name, help=words, description=words)
        arguments(made)
        made.add_argument(
            "-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory"
        )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    try:
        # The service's packages are an extra, and everything else of Haechi must start without them.
        from haechi.cli import hr_run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "haechi":
            raise
        print(f"{INSTALL} ({error.name} is missing)", file=sys.stderr)
        return IMPOSSIBLE
    return hr_run.run(args)
