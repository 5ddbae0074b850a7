"""``haechi approve``: approve what another person asked for."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from haechi.cli.request import OK, OUT, accepting, carry_out, lay, signed, told, verb
from haechi.grant import APPROVAL, desk


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "approve",
        help="approve a privilege that another person asked for",
        description="An approval binds to the hash of the request. Nobody approves their own.",
        epilog="exit codes: 0 done, 1 refused, 2 wrong usage, 3 not possible here",
    )
    verbs = parser.add_subparsers(dest="approve_verb", required=True, metavar="write|accept")
    what = verb(verbs, "write", "show the request, write the document that the approver signs, and say how")
    what.add_argument("--as", dest="approver", required=True, metavar="ID", help="id of the approver")
    what.add_argument("--request", required=True, metavar="ID", help="a request of `haechi request list`")
    what.add_argument("--out", type=Path, metavar="FILE", help=f"else {OUT}/REQUEST.APPROVER.json")
    accepting(verb(verbs, "accept", "take a signed approval on record"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry the verb out."""
    verbs = {"write": _write, "accept": _accept}
    return carry_out(lambda: verbs[args.approve_verb](args))


def _write(args: argparse.Namespace) -> int:
    said, asked = desk.approval(desk.at(args.inventory), args.request, args.approver)
    name = lay(args.out or OUT / f"{said.request}.{said.approver}.json", said.text())
    print(f"{asked.id}: {told(asked)}")
    print(f"{said.approver} signs it:  ssh-keygen -Y sign -n {APPROVAL} -f ~/.ssh/id_ed25519 {name}")
    print(f"then:  haechi approve accept -i {shlex.quote(str(args.inventory))} --document {name}")
    return OK


def _accept(args: argparse.Namespace) -> int:
    where = desk.at(args.inventory)
    said, warning = desk.take_approval(where, *signed(args))
    print(f"{said.request}: {desk.state_of(where, said.request)}")
    inventory = shlex.quote(str(args.inventory))
    print(f"where enough approved:  ansible-playbook -i {inventory} playbooks/grant.yml -e grant={said.request}")
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    return OK
