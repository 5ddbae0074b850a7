"""``haechi ssh-config``: write the ssh configuration that playbooks and people use to reach the hosts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from haechi import policy as policies
from haechi import sshconfig

DEFAULT_IDENTITY = "~/.ssh/haechi_ed25519"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "ssh-config",
        help="write INVENTORY/.ssh_config from policy",
        description="Write INVENTORY/.ssh_config from policy: addresses, pinned host keys, the bastion on the way.",
        epilog="exit codes: 0 written or unchanged, 1 the policy cannot be read",
    )
    parser.add_argument("-i", "--inventory", type=Path, required=True, help="folder of the inventory")
    parser.add_argument("--identity", type=Path, help=f"private key of the automation account ({DEFAULT_IDENTITY})")
    parser.add_argument("--print", action="store_true", dest="show", help="show it, write nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write or show the configuration; problems elsewhere in the policy do not stop it."""
    loaded = policies.load(args.inventory)
    if loaded.policy is None:
        for problem in loaded.problems:
            print(f"{problem.file}:{problem.line}: {problem.what}; {problem.mend}", file=sys.stderr)
        return 1
    identity = (args.identity or Path(DEFAULT_IDENTITY)).expanduser().absolute()
    try:
        text = sshconfig.render(loaded.policy, policies.state_dir(loaded.policy), identity)
    except ValueError as error:
        print(f"{args.inventory}: {error}", file=sys.stderr)
        return 1
    if args.show:
        print(text, end="")
        return 0
    target = args.inventory / sshconfig.FILE_NAME
    changed = sshconfig.write(target, text)
    print(f"{target}: {'written' if changed else 'unchanged'}")
    return 0
