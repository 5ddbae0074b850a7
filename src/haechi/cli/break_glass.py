"""``haechi break-glass``: seal the account for emergencies, and open it with enough holders."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from haechi import tombstones
from haechi.evidence import EvidenceError, files
from haechi.grant import desk
from haechi.seal import SealError, record, shares, store

OK, REFUSED, IMPOSSIBLE = 0, 1, 3
OUT = Path("artifacts/break-glass")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "break-glass",
        help="seal the emergency account, and open it",
        description="The secret of the sealed account is split among named holders (SLIP-39). Each share is encrypted "
        "to its holder's SSH key; nothing here shows or keeps one in clear.",
        epilog="exit codes: 0 done, 1 refused, 2 wrong usage, 3 not possible here",
    )
    verbs = parser.add_subparsers(dest="seal_verb", required=True, metavar="split|open|recover")
    what = _site(verbs.add_parser("split", help="make a new secret, and a share for each holder; then run site.yml"))
    what.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where the encrypted shares go")
    what = verbs.add_parser("open", help="a holder reads their own share, on their own machine")
    what.add_argument("share", type=Path, help="the file that `split` wrote")
    what.add_argument("--key", type=Path, required=True, metavar="FILE", help="the holder's private SSH key")
    _site(verbs.add_parser("recover", help="enough holders type their shares in, and the password is shown once"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    verbs = {"split": _split, "open": _open, "recover": _recover}
    try:
        return verbs[args.seal_verb](args)
    except SealError as error:
        print(f"refused: {error}", file=sys.stderr)
        return REFUSED
    except (EvidenceError, tombstones.TombstoneError) as error:
        print(error, file=sys.stderr)
        return IMPOSSIBLE


def _site(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    return parser


def _split(args: argparse.Namespace) -> int:
    where = desk.at(args.inventory)
    seal, _ = store.make(where.policy)
    store.keep(where.state, seal)
    record.write(where, "sealed", seal)
    files.folder(args.out)
    for holder, share in seal.shares.items():
        path = args.out / f"{holder}.age"
        files.swap(path, share.encode())
        print(
            f"{path}: {holder} reads it with `haechi break-glass open {path.name} --key ~/.ssh/id_ed25519`, or age -d"
        )
    print(f"any {seal.threshold} of them open {seal.account}; run playbooks/site.yml to seal the hosts with it")
    return OK


def _open(args: argparse.Namespace) -> int:
    print(shares.unseal(files.read(args.share).decode(errors="replace"), files.read(args.key)))
    return OK


def _recover(args: argparse.Namespace) -> int:
    where = desk.at(args.inventory)
    seal = store.read(where.state)
    if seal is None:
        raise SealError("nothing is sealed: run `haechi break-glass split`")
    words = [_asked(number, seal.threshold) for number in range(1, seal.threshold + 1)]
    secret = store.recover(seal, words)
    # Before it is shown: whoever sees it has left a trace.
    record.write(where, "opened", seal)
    print(f"{seal.account}: {shares.password(secret)}")
    print("it opens the console of every host until it is sealed anew: haechi break-glass split", file=sys.stderr)
    return OK


def _asked(number: int, threshold: int) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"share {number} of {threshold} (not shown): ")
    return sys.stdin.readline()
