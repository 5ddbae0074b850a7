"""``haechi vpn profile``: a person's way into the VPN, delivered once: a file, and the seed of its own codes."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from haechi.cli import enrol
from haechi.errand import AnswerError
from haechi.evidence import EvidenceError
from haechi.mfa import EnrolError, approval, code
from haechi.mfa.desk import Desk
from haechi.tombstones import TombstoneError
from haechi.vpn import NAMESPACE, ProfileError, delivery, desk

OK, REFUSED, WRONG = 0, 1, 2


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("vpn", help="profiles of the VPN", description="The VPN of people.")
    verbs = parser.add_subparsers(dest="vpn_verb", required=True, metavar="VERB")
    made = verbs.add_parser(
        "profile",
        help="give a person a way into the VPN",
        description="Make a person's key, have its certificate signed, show the seed of the VPN's own one-time codes "
        "once as a QR code on this terminal, deliver it to the gateway, and write the profile to a file that you "
        "alone read. No other file of this machine keeps any of it. A second profile needs another person's "
        "approval, and ends the first.",
        epilog="exit codes: 0 done, 1 refused, 2 wrong usage",
    )
    made.add_argument("--person", required=True, metavar="ID", help="id of the person")
    made.add_argument("--out", type=Path, metavar="FILE", help="where to write it; ID.ovpn here, never over another")
    made.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    made.add_argument("--png", type=Path, metavar="FILE", help="write the QR code as a picture too; remove it soon")
    words = "write the document by which another person approves a second profile, and say how to sign it"
    made.add_argument("--ask", type=Path, metavar="FILE", help=words)
    made.add_argument("--by", metavar="ID", help="with --ask: who approves")
    made.add_argument("--reason", metavar="TEXT", help="with --ask: why")
    made.add_argument("--approval", type=Path, metavar="FILE", help="the signed document; its signature is FILE.sig")
    made.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    try:
        here = desk.open_desk(args.inventory, args.person)
        return _ask(here, args) if args.ask is not None else _deliver(here, args)
    except (ProfileError, EnrolError, AnswerError, EvidenceError, TombstoneError, OSError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return REFUSED


def _ask(here: Desk, args: argparse.Namespace) -> int:
    if not args.by or not args.reason:
        print("say who approves with `--by ID`, and why with `--reason TEXT`", file=sys.stderr)
        return WRONG
    site = here.policy.site.name
    said = approval.Approval(site=site, person=here.person, by=args.by, reason=args.reason, at=datetime.now(UTC))
    args.ask.write_text(said.model_dump_json() + "\n")
    name = shlex.quote(str(args.ask))
    print(f"{args.by} signs it:  ssh-keygen -Y sign -n {NAMESPACE} -f ~/.ssh/id_ed25519_sk {name}")
    told = f"haechi vpn profile -i {shlex.quote(str(args.inventory))} --person {here.person} --approval {name}"
    print(f"then:  {told}")
    return OK


def _deliver(here: Desk, args: argparse.Namespace) -> int:
    if not sys.stdout.isatty():
        raise ProfileError("the seed of the codes is shown once, and never in a log: run it on a terminal")
    out: Path = args.out or Path(f"{here.person}.ovpn")
    if out.exists():
        raise ProfileError(f"{out} is there: carry it away, or name another with --out")
    vpn = desk.vpn_of(here.policy)
    seen = delivery.look(here)
    text, by = b"", ""
    if args.approval is not None:
        text, signature = args.approval.read_bytes(), args.approval.with_name(f"{args.approval.name}.sig").read_bytes()
        by = approval.check(here, text, signature, NAMESPACE).by
    elif seen["state"] == "present":
        raise ProfileError(f"{here.person} has a profile: with `--ask FILE` another person approves a second one")
    seed = code.new_seed()
    enrol.show(code.uri(f"{here.policy.site.name} VPN", here.person, seed), seed, args.png)
    enrol.confirmed(seed)
    if by:
        approval.spend(here.state, text)
    serial = delivery.deliver(here, seed, out, again=bool(by))
    how = f"again, approved by {by}" if by else "first time"
    warning = desk.record(here, {"certificate": serial, "how": how, "host": vpn.host})
    print(f"{out}: hand it to {here.person}, by no way that others read, and remove it here")
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return OK
