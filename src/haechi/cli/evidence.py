"""``haechi evidence``: see what is on record, and whether it is whole."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from haechi import policy as policies
from haechi.evidence import FOLDER, EvidenceError, export, files, keys, listing, place, recover
from haechi.evidence.store import Store
from haechi.evidence.verify import Report, verify

OK, BROKEN, UNKNOWN = 0, 1, 3
CLOSING = {
    OK: ("The evidence is whole.", "증거가 온전합니다."),
    BROKEN: ("The evidence is BROKEN.", "증거가 훼손되었습니다."),
    UNKNOWN: ("The evidence cannot be judged to its end.", "증거를 끝까지 확인할 수 없습니다."),
}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "evidence",
        help="verify, list, export what is on record",
        description="The chained and signed record of what was asked, done, seen and judged.",
        epilog="exit codes: 0 done or whole, 1 broken, 2 wrong usage, 3 cannot be judged or done",
    )
    verbs = parser.add_subparsers(dest="evidence_verb", required=True, metavar="verify|list|export|anchor|seal")
    what = _verb(verbs, "verify", "name the first record altered, missing or reordered; offline, by the public key")
    what.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="an export, or any evidence folder")
    what.add_argument("--key", type=Path, metavar="FILE", help="public key kept elsewhere; else DIR/key.pub")
    what.add_argument("--anchor", type=Path, metavar="FILE", help="the second place's file: finds a cut tail")
    _verb(verbs, "list", "all runs, oldest first")
    what = _verb(verbs, "export", "the runs of some days, for an auditor: the same bytes and a signed list of them")
    what.add_argument("--from", dest="begin", type=_day, required=True, metavar="DATE", help="first day (UTC)")
    what.add_argument("--to", dest="end", type=_day, required=True, metavar="DATE", help="last day (UTC)")
    what.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder that is not there yet")
    what = _verb(verbs, "anchor", "fetch the second place's file")
    what.add_argument("--out", type=Path, metavar="FILE", help="write it here; else to standard output")
    what = _verb(verbs, "seal", "sign what an interrupted run left, as interrupted")
    what.add_argument("name", metavar="RUN", help="its name in `haechi evidence list`")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    verbs = {"verify": _verify, "list": _list, "export": _export, "anchor": _anchor, "seal": _seal}
    try:
        return verbs[args.evidence_verb](args)
    except EvidenceError as error:
        print(error, file=sys.stderr)
        return UNKNOWN


@dataclass(frozen=True)
class Site:
    """The evidence of an inventory's site."""

    state: Path
    place: place.Place | None

    @property
    def folder(self) -> Path:
        """Return the evidence folder."""
        return self.state / FOLDER


def site(inventory: Path) -> Site:
    """Return where an inventory's evidence is; problems elsewhere in its policy do not stop it.

    Raises ``EvidenceError``.
    """
    policy = policies.load(inventory).usable
    if policy is None:
        raise EvidenceError(
            f"{inventory}: its policy cannot be read: run `haechi validate -i {inventory}`, or name DIR"
        )
    return Site(policies.state_dir(policy), place.of(policy.site.evidence_copy, policy.site.name, inventory.resolve()))


def _verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=words, description=words)
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write it as 2026-11-24") from error


def _verify(args: argparse.Namespace) -> int:
    folder = args.folder or site(args.inventory).folder
    if not folder.is_dir():
        raise EvidenceError(f"{folder}: nothing is on record here: the first run makes it; an export is named as DIR")
    report = verify(folder, keys.public_key(args.key or folder / keys.PUBLIC), args.anchor)
    _show(folder, report, own_key=args.key is None)
    return report.code


def _show(folder: Path, report: Report, *, own_key: bool) -> None:
    for found in report.findings:
        print(f"BROKEN   {found.where}: {found.what}\n    -> {found.mend}")
    for doubt in report.doubts:
        print(f"UNKNOWN  {doubt}")
    for note in report.notes:
        print(f"note     {note}")
    if own_key:
        print("note     the key lay beside the evidence: compare its SHA-256 with the one noted elsewhere")
    print(f"{folder}: {report.runs} runs, {report.records} records, {report.upto} checkpoints, key {report.key}")
    print(" ".join(CLOSING[report.code]))


def _list(args: argparse.Namespace) -> int:
    store = Store(site(args.inventory).state)
    for row in listing.rows(store):
        print(row)
    return OK


def _export(args: argparse.Namespace) -> int:
    if args.begin > args.end:
        print(f"--from {args.begin} is after --to {args.end}", file=sys.stderr)
        return 2
    folder = site(args.inventory).folder
    if not folder.is_dir():
        raise EvidenceError(f"{folder}: nothing is on record here")
    number = export.write(folder, args.begin, args.end, args.out)
    print(f"{args.out}: {number} runs from {args.begin} to {args.end}. To check: haechi evidence verify {args.out}")
    return OK


def _anchor(args: argparse.Namespace) -> int:
    second = site(args.inventory).place
    if second is None:
        raise EvidenceError("policy names no second place: set site.evidence_copy")
    data = second.fetch()
    if args.out:
        files.swap(args.out, data)
        print(f"{args.out}: {len(data.splitlines())} lines from {second}")
    else:
        sys.stdout.buffer.write(data)
    return OK


def _seal(args: argparse.Namespace) -> int:
    here = site(args.inventory)
    closed = recover.seal(Store(here.state, here.place), args.name)
    print(f"{args.name}: sealed as interrupted, checkpoint {closed.checkpoint.number}")
    if closed.pending:
        print(f"warning: {closed.pending}", file=sys.stderr)
    return OK
