"""``haechi enrol``: a person's one-time codes, shown once and delivered to the hosts where that person logs in."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import segno

from haechi import authenticator
from haechi.evidence import EvidenceError
from haechi.lab import secrets
from haechi.mfa import NAMESPACE, EnrolError, approval, code, deliver
from haechi.mfa.deliver import Told
from haechi.mfa.desk import Desk, open_desk, record
from haechi.tombstones import TombstoneError

OK, REFUSED, WRONG = 0, 1, 2
TRIES = 3


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "enrol",
        help="give a person one-time codes",
        description="Make the seed of a person's one-time codes, show it once as a QR code on this terminal, and "
        "deliver it to every host where the person logs in. No file of this machine keeps it. The person gives a code "
        "before anything is delivered. Somebody who lost the device is enrolled again when another person approved it.",
        epilog="exit codes: 0 done on every host, 1 refused or not on every host, 2 wrong usage",
    )
    parser.add_argument("person", nargs="?", help="id of the person")
    parser.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    words = "write the QR code as a picture too, readable by you alone; remove it when it was scanned"
    parser.add_argument("--png", type=Path, metavar="FILE", help=words)
    parser.add_argument("--spread", action="store_true", help="give hosts that lack them the codes that others have")
    words = (
        "write the document by which another person approves that this one is enrolled again, and say how to sign it"
    )
    parser.add_argument("--ask", type=Path, metavar="FILE", help=words)
    parser.add_argument("--by", metavar="ID", help="with --ask: who approves")
    parser.add_argument("--reason", metavar="TEXT", help="with --ask: why")
    parser.add_argument("--approval", type=Path, metavar="FILE", help="the signed document; its signature is FILE.sig")
    words = "make the login canary's key FILE and print its public half for policy; it stands for a device in software"
    parser.add_argument("--sentinel", type=Path, metavar="FILE", help=words)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    if (args.person is None) == (args.sentinel is None):
        print("name the person to enrol, or `--sentinel FILE`", file=sys.stderr)
        return WRONG
    try:
        if args.sentinel is not None:
            return _sentinel(args.sentinel)
        desk = open_desk(args.inventory, args.person)
        if args.ask is not None:
            return _ask(desk, args)
        return _spread(desk) if args.spread else _enrol(desk, args)
    except (EnrolError, EvidenceError, TombstoneError, OSError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return REFUSED


def _sentinel(path: Path) -> int:
    secrets.keypair(path, path.name)
    line = authenticator.public_line(path, path.name)
    path.with_name(f"{path.name}.pub").write_text(f"{line}\n")
    print(line)
    return OK


def _ask(desk: Desk, args: argparse.Namespace) -> int:
    if not args.by or not args.reason:
        print("say who approves with `--by ID`, and why with `--reason TEXT`", file=sys.stderr)
        return WRONG
    said = approval.Approval(
        site=desk.policy.site.name, person=desk.person, by=args.by, reason=args.reason, at=datetime.now(UTC)
    )
    args.ask.write_text(said.model_dump_json() + "\n")
    name = shlex.quote(str(args.ask))
    print(f"{args.by} signs it:  ssh-keygen -Y sign -n {NAMESPACE} -f ~/.ssh/id_ed25519_sk {name}")
    print(f"then:  haechi enrol -i {shlex.quote(str(args.inventory))} {desk.person} --approval {name}")
    return OK


def _enrol(desk: Desk, args: argparse.Namespace) -> int:
    if not sys.stdout.isatty():
        raise EnrolError("the codes are shown once, and never in a log: run it on a terminal")
    seen = deliver.look(desk.inventory, desk.person, desk.hosts)
    enrolled = sorted(host for host, state in seen.items() if state == "present")
    text, by = b"", ""
    if enrolled and args.approval is None:
        raise EnrolError(
            f"{desk.person} has codes on {', '.join(enrolled)}: with `--ask FILE` another person approves new ones;"
            " for a host that lacks them use --spread"
        )
    if args.approval is not None:
        text, signature = args.approval.read_bytes(), args.approval.with_name(f"{args.approval.name}.sig").read_bytes()
        by = approval.check(desk, text, signature).by
    seed = code.new_seed()
    show(code.uri(desk.policy.site.name, desk.person, seed), seed, args.png)
    confirmed(seed)
    if by:
        approval.spend(desk.state, text)
    request = {"do": "place", "person": desk.person, "text": code.file_text(seed), "again": bool(by)}
    told = deliver.ask(desk.inventory, desk.hosts, request)
    return _done(desk, told, f"again, approved by {by}" if by else "first time")


def _spread(desk: Desk) -> int:
    seen = deliver.look(desk.inventory, desk.person, desk.hosts)
    return _done(desk, deliver.spread(desk.inventory, desk.person, seen), "spread to hosts that lacked it")


def show(uri: str, seed: str, png: Path | None) -> None:
    """Show a seed once, as a QR code on this terminal, and as a picture where one is asked for."""
    picture = segno.make(uri, error="m")
    picture.terminal(compact=True)
    print("or type this into the app: " + " ".join(seed[place : place + 4] for place in range(0, len(seed), 4)))
    if png is not None:
        with os.fdopen(os.open(png, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            picture.save(file, kind="png", scale=8)
        print(f"{png}: remove it when it was scanned")


def confirmed(seed: str) -> None:
    """Ask for a code, so that nobody is enrolled with a seed that his device did not take.

    Raises ``EnrolError`` after three wrong ones.
    """
    for _ in range(TRIES):
        print("code: ", end="", flush=True)
        if code.is_right(seed, sys.stdin.readline(), time.time()):
            return
        print("that is not the code of now")
    raise EnrolError("nothing was delivered: the device shows other codes; is its clock right?")


def _done(desk: Desk, told: Mapping[str, Told], how: str) -> int:
    for host, one in told.items():
        print(f"{host}: {one.fault or one.state}")
    warning = record(desk, told, how) if told else ""
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    missed = [host for host, one in told.items() if one.fault or one.state == "kept"]
    if missed:
        print(f"not on {', '.join(missed)}: when it answers, `haechi enrol {desk.person} --spread`", file=sys.stderr)
    return REFUSED if missed else OK
