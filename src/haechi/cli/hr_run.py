"""What the verbs of ``haechi hr`` do with the service; its packages are imported here and not before."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from haechi import policy as policies
from haechi import tombstones
from haechi.cli.request import OUT as PRIVILEGE
from haechi.cli.request import lay, signed
from haechi.evidence import EvidenceError
from haechi.grant import GrantError
from haechi.grant.document import Signed
from haechi.hr.console import ConsoleError, ask, place, proven, secret, serve, show
from haechi.hr.console import signed as signing
from haechi.hr.console.place import Place
from haechi.hr.engine import EngineError
from haechi.hr.ledger import LedgerError
from haechi.hr.ledger.states import RevocationState
from haechi.hr.proof import ProofError
from haechi.hr.receive import serve as receive
from haechi.hr.signals import Act, UnavailableError
from haechi.hr.status.serve import PageError, Where
from haechi.hr.work.ports import InboxError
from haechi.sshsig import SignatureError

OK, PROBLEMS, IMPOSSIBLE = 0, 1, 3
OUT = PRIVILEGE.with_name("hr")
REFUSED = (ask.AskError, GrantError, SignatureError, ProofError)
HINDERED = (
    *(ConsoleError, EngineError, InboxError, LedgerError, PageError, UnavailableError),
    *(EvidenceError, tombstones.TombstoneError),
)
NOBODY = "nobody works: start `haechi hr work`, which takes this up"


def run(args: argparse.Namespace) -> int:
    """Carry the verb out, and say in one sentence why it was refused or is not possible."""
    verbs: Mapping[str, Callable[[argparse.Namespace], int]] = {
        "submit": _submit,
        "status": _status,
        "watch": _watch,
        "retry": _retry,
        "approve": _approve,
        "retire-host": _retire,
        "work": _work,
        "receive": _receive,
        "page": _page,
        "secret": _secret,
        "bundle": _bundle,
        "verify": _verify,
    }
    try:
        return verbs[args.hr_verb](args)
    except REFUSED as error:
        print(f"refused: {error}", file=sys.stderr)
        return PROBLEMS
    except HINDERED as error:
        print(error, file=sys.stderr)
        return IMPOSSIBLE


def _submit(args: argparse.Namespace) -> int:
    here = place.at(args.inventory)
    found = ask.submit(here, args.person, Act.FREEZE if args.freeze else Act.LEAVE, args.reason)
    print(f"revocation {found.number}: {args.person} is {found.state}, on {len(found.hosts)} hosts")
    if found.state is RevocationState.PAUSED:
        print("too many leave at once: it waits for a second person, see `haechi hr status`", file=sys.stderr)
        return PROBLEMS
    if not ask.is_worked(here):
        print(NOBODY, file=sys.stderr)
    return _looked_on(here, (found.number,)) if args.watch else OK


def _status(args: argparse.Namespace) -> int:
    here = place.at(args.inventory)
    board = None if args.number else show.read(here)
    rows = (*board.going, *board.over) if board else (show.one(here, args.number),)
    if args.json:
        print(show.as_json(rows, board))
    else:
        Console(highlight=False).print(show.table(board, here.zone) if board else show.page(rows[0], here.zone))
    return PROBLEMS if any(row.late for row in rows) else OK


def _watch(args: argparse.Namespace) -> int:
    return _looked_on(place.at(args.inventory), args.number)


def _looked_on(here: Place, numbers: tuple[int, ...]) -> int:
    try:
        if show.watch(here, numbers, Console(highlight=False)):
            return OK
        print("what is left waits for a person or for its day: see `haechi hr status`", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nit goes on without you: look again with `haechi hr watch`", file=sys.stderr)
    return PROBLEMS


def _retry(args: argparse.Namespace) -> int:
    here = place.at(args.inventory)
    count = ask.retry(here, args.number)
    print(f"revocation {args.number}: {count} open hosts are due now")
    if count and not ask.is_worked(here):
        print(NOBODY, file=sys.stderr)
    return OK


def _approve(args: argparse.Namespace) -> int:
    here = place.at(args.inventory)
    if args.step == "write":
        said = signing.settlement(here, args.matter, args.approver)
        print(f"matter {said.matter}, {said.kind}: {show.safe(said.about)}")
        if said.people:
            print(f"signing it puts out: {', '.join(said.people)}")
        return _laid(args, said, signing.SETTLEMENT, f"matter-{said.matter}", "approve")
    settled, going, warning = signing.settle(here, *signed(args))
    print(f"matter {settled.matter} is settled by {settled.approver}; {len(going)} leavings go on")
    return _warned(warning)


def _retire(args: argparse.Namespace) -> int:
    here = place.at(args.inventory)
    if args.step == "write":
        said = signing.retirement(here, args.host, args.reason, args.approver)
        print(f"{said.host} is gone, so these need no proof of it: {', '.join(map(str, said.revocations))}")
        return _laid(args, said, signing.RETIREMENT, f"retire-{said.host}", "retire-host")
    retired, warning = signing.retire(here, *signed(args))
    print(f"{retired.host} is retired by {retired.approver}; that counts as no proof")
    return _warned(warning)


def _laid(args: argparse.Namespace, said: Signed, namespace: str, name: str, verb: str) -> int:
    path = lay(args.out or OUT / f"{name}.{said.signer}.json", said.text())
    print(f"{said.signer} signs it:  ssh-keygen -Y sign -n {namespace} -f ~/.ssh/id_ed25519 {path}")
    print(f"then:  haechi hr {verb} accept -i {shlex.quote(str(args.inventory))} --document {path}")
    return OK


def _warned(warning: str) -> int:
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return OK


def _work(args: argparse.Namespace) -> int:
    serve.to_journal()
    serve.work(place.at(args.inventory))
    return OK


def _receive(args: argparse.Namespace) -> int:
    if args.config is not None:
        return receive.serve(args.config)
    here = place.at(args.inventory)
    config = here.folder / "receiver.json"
    config.write_text(serve.receiver(here, _where(args)).model_dump_json())
    return receive.serve(config)


def _page(args: argparse.Namespace) -> int:
    here = place.at(args.inventory)
    if not args.link:
        serve.to_journal()
        serve.show(here, _where(args))
    elif args.who:
        print(serve.link(here, args.who, _where(args)))
    else:
        raise ConsoleError("--link needs --for ID: whoever looks does so under a name")
    return OK


def _secret(args: argparse.Namespace) -> int:
    print(secret.make(place.at(args.inventory), args.source, keep=args.keep))
    print("shown once: give it to the sender, and to nobody else", file=sys.stderr)
    return OK


def _bundle(args: argparse.Namespace) -> int:
    written = proven.write(place.at(args.inventory), args.number)
    print(f"{written}\n{written.with_suffix('.html')}")
    return OK


def _verify(args: argparse.Namespace) -> int:
    found = proven.verify(args.bundle, args.public_key or _public_key(args.inventory), args.authority)
    print(proven.told(found))
    return PROBLEMS if found.predicate["verdict"] == "open" else OK


def _public_key(inventory: Path) -> Path:
    policy = policies.load(inventory).policy
    if policy is None:
        raise ConsoleError(f"{inventory}: no policy names the site whose key it is: give --public-key")
    return proven.public_key(policies.state_dir(policy))


def _where(args: argparse.Namespace) -> Where:
    host, port = args.listen
    return Where(host=host, port=port, certificate=args.cert, key=args.key)
