"""``haechi ca root``: the ceremony of the X.509 root, held once, on the control node."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from haechi.pki.root import SHORTEST

ROOT = Path(__file__).resolve().parents[3]
# Memory, never a disk (tmpfs(5)).
MEMORY = Path("/dev/shm")  # noqa: S108 - a file of mode 0600 with a name nobody knows before


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser("ca", help="the authority of TLS certificates", description="X.509 of the site.")
    verbs = parser.add_subparsers(dest="ca_verb", required=True, metavar="VERB")
    root = verbs.add_parser(
        "root",
        help="make the root, sign the issuing authority, seal the root's key",
        description="Make the X.509 root in memory, sign the one issuing authority on policy's pki.host, and write the"
        " root's key under a passphrase to pki.root_key, once. Carry that file away.",
        epilog="exit codes: 0 held, 2 wrong usage, else that of ansible-playbook; its last lines say why",
    )
    root.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read it from there instead of asking twice")
    root.add_argument("-i", "--inventory", type=Path, default=Path("inventories/lab"), help="folder of the inventory")
    root.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask for the passphrase, and have the role pki hold the ceremony."""
    if args.passphrase_file is not None:
        return _play(args.inventory, args.passphrase_file)
    text = getpass.getpass(f"Passphrase of the root, {SHORTEST} characters or more: ")
    if text != getpass.getpass("The same again: "):
        print("the two were not the same: nothing was made", file=sys.stderr)
        return 2
    with tempfile.NamedTemporaryFile("w", dir=MEMORY if MEMORY.is_dir() else None, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        return _play(args.inventory, Path(file.name))


def _play(inventory: Path, secret: Path) -> int:
    if not secret.is_file():
        print(f"{secret}: no such file", file=sys.stderr)
        return 2
    told = json.dumps({"haechi_ca_passphrase_file": str(secret.resolve())})
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", str(inventory.resolve()), "--tags", "pki", "-e", told, "playbooks/site.yml"]
    env = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    return subprocess.run(command, cwd=ROOT, env=os.environ | env, check=False).returncode
