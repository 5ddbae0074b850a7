"""``haechi report``: one stored audit as a page, a sheet and OSCAL."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from haechi.cli import evidence
from haechi.evidence import EvidenceError
from haechi.report import write


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "report",
        help="make the report of an audit: HTML, CSV, OSCAL",
        description="Make a report from the stored evidence of one audit; no host is asked.",
        epilog="exit codes: 0 done, 1 made, but the evidence of the run is broken, 3 there is no audit to report",
    )
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    parser.add_argument("--run", dest="audit", metavar="RUN", help="an audit of `haechi evidence list`; else the last")
    parser.add_argument("--evidence", type=Path, metavar="DIR", help="an evidence folder, or an export of one")
    parser.add_argument("--key", type=Path, metavar="FILE", help="public key kept elsewhere; else DIR/key.pub")
    parser.add_argument("--out", type=Path, default=Path("artifacts/report"), metavar="DIR", help="where to write")
    parser.add_argument(
        "--format",
        dest="formats",
        type=_formats,
        default=tuple(write.FORMATS),
        metavar="LIST",
        help="of html,csv,oscal",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    try:
        folder = args.evidence or evidence.site(args.inventory).folder
        written = write.write(folder, args.out, key=args.key, audit=args.audit, formats=args.formats)
    except EvidenceError as error:
        print(error, file=sys.stderr)
        return 3
    for path in written.paths:
        print(path)
    if written.complaint:
        print(written.complaint, file=sys.stderr)
        return 1
    return 0


def _formats(text: str) -> tuple[str, ...]:
    try:
        return write.known(text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
