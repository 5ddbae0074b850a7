"""``haechi rotated``: somebody changed a shared secret that a leaver knew."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from haechi import policy as policies
from haechi import rotation, tombstones
from haechi.policy.resolve import active_people


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "rotated",
        help="record that a shared secret was changed after somebody left or moved",
        description="Record who changed a shared secret that a leaver knew; without a name, list what is due.",
        epilog="exit codes: 0 recorded, or nothing is due; 1 something is due, or it cannot be recorded",
    )
    parser.add_argument("name", nargs="?", help="the secret, as in shared_secrets")
    parser.add_argument("--by", metavar="ID", help="the person who changed it")
    parser.add_argument("-i", "--inventory", type=Path, required=True, help="folder of the inventory")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Record, or list."""
    policy = policies.load(args.inventory).usable
    if policy is None:
        print(f"{args.inventory}: the policy cannot be read: run `haechi validate`", file=sys.stderr)
        return 1
    state = policies.state_dir(policy)
    try:
        if args.name is None:
            due = rotation.open_items(rotation.read(state))
            print("\n".join(map(str, due)) or "No secret is due. 교체할 공유 비밀이 없습니다.")
            return 1 if due else 0
        if args.by not in active_people(policy) - tombstones.revoked(state):
            print(f"--by {args.by}: name an active person of policy, who changed it", file=sys.stderr)
            return 1
        for row in rotation.rotated(state, args.name, args.by, datetime.now(UTC)):
            print(f"{row.name}: changed by {row.by} at {row.done}, which {row.person} knew. 교체를 기록했습니다.")
    except (rotation.RotationError, tombstones.TombstoneError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
