"""``haechi cert issue``: a person's SSH certificate, signed where the authority's key is."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("cert", help="SSH certificates", description="SSH certificates of people.")
    verbs = parser.add_subparsers(dest="cert_verb", required=True, metavar="VERB")
    issue = verbs.add_parser(
        "issue",
        help="issue a person's certificate",
        description="Issue a person's SSH certificate for the hosts that their jobs give, for hours.",
        epilog="exit codes: 0 issued, 2 wrong usage, else that of ansible-playbook; its last lines say why",
    )
    issue.add_argument("person", help="id of the person")
    issue.add_argument("--key", type=Path, required=True, metavar="FILE", help="the person's .pub file")
    issue.add_argument("--job", action="append", default=[], metavar="JOB", help="limit it to a job; may be repeated")
    issue.add_argument("--minutes", type=int, help="how long it counts; policy's pki.user_hours at most")
    issue.add_argument("--out", type=Path, metavar="FILE", help="where to write it; KEY-cert.pub beside the key")
    issue.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    issue.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Call the playbook."""
    if not args.key.is_file():
        print(f"{args.key}: no such file: give the person's public key, a .pub file", file=sys.stderr)
        return 2
    out = args.out or args.key.with_name(f"{args.key.name.removesuffix('.pub')}-cert.pub")
    given = {"person": args.person, "key_file": str(args.key.resolve()), "out": str(out.resolve())}
    asked = {**given, "jobs_asked": args.job, **({} if args.minutes is None else {"minutes": args.minutes})}
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", str(args.inventory.resolve()), "-e", json.dumps(asked), "playbooks/cert.yml"]
    env = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "haechi.guard.progress"}
    return subprocess.run(command, cwd=ROOT, env=os.environ | env, check=False).returncode
