"""``haechi review``: what a review of access needs beside the hosts: list, page, sign, accept, verify."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from pydantic import ValidationError

from haechi import policy as policies
from haechi import tombstones
from haechi.cli import evidence
from haechi.evidence import EvidenceError, files, keys
from haechi.review import NAMESPACE, ReviewError, rules, signing, stored, told, write
from haechi.review.document import DECISIONS, Decision
from haechi.review.signing import Desk
from haechi.review.stored import Held
from haechi.sshsig import SignatureError

OK, REFUSED, IMPOSSIBLE = 0, 1, 3
COMPLETE = "The review is complete. 검토가 완료되었습니다."


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "review",
        help="sign and verify reviews of access",
        description="Reviews of access that playbooks/review.yml made. Nobody gives Haechi a private key: a reviewer "
        "signs a document with ssh-keygen, with his own key of policy.",
        epilog="exit codes: 0 done, 1 refused or not as it was, 2 wrong usage, 3 not possible here",
    )
    verbs = parser.add_subparsers(dest="review_verb", required=True, metavar="list|page|sign|accept|verify")
    _stored(_verb(verbs, "list", "all reviews, oldest first, and who signed them"))
    what = _named(_stored(_verb(verbs, "page", "write page and sheet of a review on record, with its signatures")))
    what.add_argument("--out", type=Path, default=Path("artifacts/review"), metavar="DIR", help="where to write")
    what = _named(_verb(verbs, "sign", "write the document that a reviewer signs, and say how"))
    what.add_argument("--as", dest="reviewer", required=True, metavar="ID", help="the reviewer's id in policy")
    form = f"ID={'|'.join(DECISIONS)}:WHY"
    words = "what becomes of a difference; the id `all` is every open one that has no decision of its own"
    what.add_argument("--decide", action="append", default=[], type=_decision, metavar=form, help=words)
    what.add_argument("--out", type=Path, metavar="FILE", help="else artifacts/review/RUN.ID.json")
    what = _named(_verb(verbs, "accept", "take a signed document into the evidence"))
    what.add_argument("--document", type=Path, required=True, metavar="FILE", help="what `sign` wrote")
    what.add_argument("--signature", type=Path, metavar="FILE", help="what ssh-keygen wrote; else DOCUMENT.sig")
    words = "make a review anew from what hosts answered then, and check every signature"
    _named(_stored(_verb(verbs, "verify", words)))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    verbs = {"list": _list, "page": _page, "sign": _sign, "accept": _accept, "verify": _verify}
    try:
        return verbs[args.review_verb](args)
    except (ReviewError, SignatureError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return REFUSED
    except (EvidenceError, tombstones.TombstoneError) as error:
        print(error, file=sys.stderr)
        return IMPOSSIBLE


def desk(inventory: Path) -> Desk:
    """Return where an inventory's reviews are signed.

    Raises ``EvidenceError`` for a policy with errors: who may sign stands in it.
    """
    loaded = policies.load(inventory)
    if loaded.policy is None or loaded.errors:
        raise EvidenceError(f"{inventory}: its policy says who may sign, and has errors: run `haechi validate`")
    state = policies.state_dir(loaded.policy)
    return Desk(state=state, policy=loaded.policy, revoked=tombstones.revoked(state), inventory=inventory.resolve())


def _verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=words, description=words)
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    return parser


def _named(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--review", metavar="RUN", help="a review of `haechi review list`; else the last")
    return parser


def _stored(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--evidence", type=Path, metavar="DIR", help="an evidence folder, or an export of one")
    return parser


def _decision(text: str) -> tuple[str, Decision]:
    name, _, rest = text.partition("=")
    word, _, note = rest.partition(":")
    try:
        return name.strip(), Decision.model_validate({"decision": word.strip(), "note": note.strip()})
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as ID={'|'.join(DECISIONS)}:WHY") from error


def _folder(args: argparse.Namespace) -> Path:
    folder: Path = args.evidence or evidence.site(args.inventory).folder
    return folder


def _signed(folder: Path, run: str) -> tuple[list[Held], list[str]]:
    held, faults = stored.sign_offs(folder)
    return [one for one in held if one.said.review == run], faults


def _list(args: argparse.Namespace) -> int:
    folder = _folder(args)
    held, faults = stored.sign_offs(folder)
    for run in stored.names(folder):
        signed = [one for one in held if one.said.review == run]
        lacking = rules.lacking(signed[0].owners if signed else (), [one.said.reviewer for one in signed])
        state = (
            "not signed" if not signed else f"still needs another for {', '.join(lacking)}" if lacking else "complete"
        )
        who = "".join(f", {one.said.reviewer} on {one.said.date}" for one in signed)
        print(f"{run}  {state}{who}")
    for fault in faults:
        print(f"DOES NOT HOLD  {fault}")
    return REFUSED if faults else OK


def _page(args: argparse.Namespace) -> int:
    folder = _folder(args)
    found = stored.sound(folder, args.review)
    for path in write.write(found.review, args.out, found.run, _signed(folder, found.run)[0]):
        print(path)
    return OK


def _sign(args: argparse.Namespace) -> int:
    said = signing.prepare(desk(args.inventory), args.reviewer, dict(args.decide), args.review)
    path = args.out or Path("artifacts/review") / f"{said.review}.{said.reviewer}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    files.swap(path, said.text())
    name = shlex.quote(str(path))
    print(f"{path}: {said.review}, sha256 {said.sha256}, {len(said.decisions)} decision(s)")
    print(f"{said.reviewer} signs it:  ssh-keygen -Y sign -n {NAMESPACE} -f ~/.ssh/id_ed25519 {name}")
    print(f"then:  haechi review accept -i {shlex.quote(str(args.inventory))} --document {name}")
    return OK


def _accept(args: argparse.Namespace) -> int:
    signature = args.signature or args.document.with_name(f"{args.document.name}.sig")
    taken = signing.accept(desk(args.inventory), files.read(args.document), files.read(signature), args.review)
    print(f"{taken.run}: {taken.said.reviewer} signed {taken.said.review}")
    print(f"{', '.join(taken.lacking)}: another reviewer must look at this access" if taken.lacking else COMPLETE)
    if taken.warning:
        print(f"warning: {taken.warning}", file=sys.stderr)
    return OK


def _verify(args: argparse.Namespace) -> int:
    folder = _folder(args)
    name = args.review or stored.last(folder)
    found = stored.read(folder, keys.public_key(folder / keys.PUBLIC), name)
    signed, wrong = _signed(folder, name)
    if not found.verified:
        wrong.append(f"{name}: its evidence does not verify: run `haechi evidence verify`")
    again = stored.again(folder, name).sha256
    if again != found.review.sha256:
        wrong.append(f"{name}: made anew, its rows are others (sha256 {again})")
    wrong += [f"{one.run}: signs other rows" for one in signed if one.said.sha256 != found.review.sha256]
    for line in wrong:
        print(f"WRONG    {line}")
    print(
        f"{name}: sha256 {found.review.sha256}, signed by {', '.join(one.said.reviewer for one in signed) or 'nobody'}"
    )
    print(told.counts(found.review))
    return REFUSED if wrong else OK
