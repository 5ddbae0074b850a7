"""``haechi judge --again RUN``: the verdicts of a stored audit, judged anew from what was seen then."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from haechi import rejudge
from haechi.cli import evidence
from haechi.evidence import EvidenceError, keys

SAME = "The same observations, policy and time give the same verdicts. 같은 관찰에서 같은 판정이 나왔습니다."
OTHER = "The verdicts are not the same. 판정이 서로 다릅니다."
BROKEN = "The evidence of this run is BROKEN: run `haechi evidence verify`. 증거가 훼손되었습니다."


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "judge",
        help="judge a stored audit again, and compare",
        description="Judge a stored audit's observations again, offline, and compare each verdict with the record.",
        epilog="exit codes: 0 the same verdicts, 1 others, or the evidence is broken, 3 there is no such audit",
    )
    parser.add_argument("--again", metavar="RUN", required=True, help="an audit of `haechi evidence list`")
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    parser.add_argument("--evidence", type=Path, metavar="DIR", help="an evidence folder, or an export of one")
    parser.add_argument("--key", type=Path, metavar="FILE", help="public key kept elsewhere; else DIR/key.pub")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge and compare."""
    try:
        folder = args.evidence or evidence.site(args.inventory).folder
        found = rejudge.again(folder, args.again, keys.public_key(args.key or folder / keys.PUBLIC))
    except EvidenceError as error:
        print(error, file=sys.stderr)
        return 3
    for difference in found.differences:
        print(f"OTHER    {difference}")
    for note in found.notes:
        print(f"note     {note}")
    if found.verified is None:
        print("note     nobody signed this run's end: records after the last one cannot be excluded")
    if found.verified is False:
        print(BROKEN, file=sys.stderr)
    print(f"{found.run}: {found.verdicts} verdicts, {len(found.differences)} not as they were")
    print(OTHER if found.differences else SAME)
    return 1 if found.differences or found.verified is False else 0
