"""``haechi request``: ask for a privilege for a time, and see what became of it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from haechi import tombstones
from haechi.evidence import EvidenceError, files
from haechi.grant import REQUEST, GrantError, desk, document, ledger
from haechi.sshsig import SignatureError

OK, REFUSED, IMPOSSIBLE = 0, 1, 3
OUT = Path("artifacts/privilege")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "request",
        help="ask for a privilege for a time",
        description="A request names person, hosts, exact commands, window and reason; whoever asks signs it with "
        "their own SSH key, another person approves it (`haechi approve`), and playbooks/grant.yml grants it.",
        epilog="exit codes: 0 done, 1 refused, 2 wrong usage, 3 not possible here",
    )
    verbs = parser.add_subparsers(dest="request_verb", required=True, metavar="write|accept|list")
    what = verb(verbs, "write", "write the document that whoever asks signs, and say how")
    what.add_argument("--as", dest="person", required=True, metavar="ID", help="id of whoever asks")
    what.add_argument("--host", action="append", required=True, metavar="HOST", help="where; may be repeated")
    either = what.add_mutually_exclusive_group(required=True)
    either.add_argument("--command", action="append", default=[], metavar="CMD", help="exact command, may be repeated")
    either.add_argument("--root-shell", action="store_true", help="the last resort, where policy allows it")
    what.add_argument("--children", action="store_true", help="the commands start other programs")
    what.add_argument("--from", dest="begins", type=moment, metavar="TIME", help="2026-12-01T21:00+09:00; else now")
    end = what.add_mutually_exclusive_group(required=True)
    end.add_argument("--until", type=moment, metavar="TIME", help="end of the window, with its time zone")
    end.add_argument("--minutes", type=int, metavar="N", help="length of the window")
    what.add_argument("--reason", required=True, metavar="TEXT", help="why; a ticket's number will do")
    what.add_argument("--out", type=Path, metavar="FILE", help=f"else {OUT}/ID.json")
    accepting(verb(verbs, "accept", "take a signed request on record"))
    verb(verbs, "list", "all requests, and what became of them")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    verbs = {"write": _write, "accept": _accept, "list": _list}
    return carry_out(lambda: verbs[args.request_verb](args))


def carry_out(action: Callable[[], int]) -> int:
    """Do it, and say in one sentence why it was refused."""
    try:
        return action()
    except (GrantError, SignatureError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return REFUSED
    except (EvidenceError, tombstones.TombstoneError) as error:
        print(error, file=sys.stderr)
        return IMPOSSIBLE


def verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    """Add a verb with the inventory that all of them need."""
    parser = verbs.add_parser(name, help=words, description=words)
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    return parser


def accepting(parser: argparse.ArgumentParser) -> None:
    """Add what taking a signed document needs."""
    parser.add_argument("--document", type=Path, required=True, metavar="FILE", help="what `write` wrote")
    parser.add_argument("--signature", type=Path, metavar="FILE", help="what ssh-keygen wrote; else DOCUMENT.sig")


def signed(args: argparse.Namespace) -> tuple[bytes, bytes]:
    """Return a document and its signature."""
    signature = args.signature or args.document.with_name(f"{args.document.name}.sig")
    return files.read(args.document), files.read(signature)


def moment(text: str) -> datetime:
    """Return a time with its zone; one without is nobody's."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as 2026-12-01T21:00+09:00") from error
    if time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone: write it as 2026-12-01T21:00+09:00")
    return time


def lay(path: Path, text: bytes) -> str:
    """Write a document to be signed; return its name for a shell."""
    files.folder(path.parent)
    files.swap(path, text)
    return shlex.quote(str(path))


def _write(args: argparse.Namespace) -> int:
    begins = args.begins or datetime.now(UTC)
    ends = args.until or begins + timedelta(minutes=args.minutes)
    wish = desk.Wish(
        person=args.person,
        hosts=tuple(args.host),
        commands=tuple(args.command),
        root_shell=args.root_shell,
        children=args.children,
        begins=begins,
        ends=ends,
        reason=args.reason,
    )
    made = desk.request(desk.at(args.inventory), wish)
    name = lay(args.out or OUT / f"{made.id}.json", made.text())
    print(f"{made.id}: {told(made)}")
    print(f"{made.person} signs it:  ssh-keygen -Y sign -n {REQUEST} -f ~/.ssh/id_ed25519 {name}")
    print(f"then:  haechi request accept -i {shlex.quote(str(args.inventory))} --document {name}")
    return OK


def _accept(args: argparse.Namespace) -> int:
    made, warning = desk.take_request(desk.at(args.inventory), *signed(args))
    print(f"{made.id}: {told(made)}")
    print(f"another person approves it:  haechi approve write --as ID --request {made.id}")
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return OK


def _list(args: argparse.Namespace) -> int:
    where = desk.at(args.inventory)
    for name in ledger.ids(where.state):
        try:
            what = told(ledger.read(where.state, where.policy, name).request)
        except (GrantError, EvidenceError):
            what = "?"
        print(f"{name}  {what}: {desk.state_of(where, name)}")
    return OK


def told(made: document.Request) -> str:
    """Return a request in one line."""
    window = f"from {document.when(made.begins)} until {document.when(made.ends)}"
    more = " and what it starts" if made.children else ""
    return f"{made.person} on {', '.join(made.hosts)}, {made.asks()}{more}, {window}: {made.reason}"
