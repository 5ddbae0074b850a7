"""``haechi devices``: record which firmware switches, firewalls and other devices run, and list it."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from haechi import devices, tombstones
from haechi import policy as policies
from haechi.devices import DeviceError, Reading
from haechi.policy.models import Policy
from haechi.policy.resolve import active_people

NEVER = "never read"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "devices",
        help="record which firmware network devices run",
        description="Record what was read on devices of firmware.devices; without a file, list what is on record.",
        epilog="exit codes: 0 recorded or listed; 1 nothing was recorded, and why",
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        help="a CSV sheet (device,model,version,seen), or the folder that `ansible -m .._facts --tree FOLDER` wrote",
    )
    parser.add_argument("--by", metavar="ID", help="the person who read it")
    parser.add_argument("--seen", type=date.fromisoformat, metavar="DATE", help="the day on which a folder was written")
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
        if args.file is None:
            print("\n".join(_listed(policy, devices.read(state))))
            return 0
        _may(policy, state, args.by)
        readings = _readings(args.file, args.seen)
        devices.refuse_strange(policy, readings, datetime.now(UTC).date())
        for row in devices.record(state, readings, args.by):
            print(f"{row.device}: {row.version} on {row.seen}. 기록했습니다.")
    except (DeviceError, tombstones.TombstoneError) as error:
        where = f"{args.file}: " if args.file else ""
        print(f"{where}{error}. Nothing was recorded. 기록하지 않았습니다.", file=sys.stderr)
        return 1
    return 0


def _may(policy: Policy, state: Path, who: str | None) -> None:
    """Raise ``DeviceError`` for whoever may not record."""
    if who not in active_people(policy) - tombstones.revoked(state):
        raise DeviceError(f"--by {who}: name an active person of policy, who read it on the devices")


def _readings(path: Path, seen: date | None) -> list[Reading]:
    try:
        if not path.is_dir():
            return devices.sheet(path.read_bytes())
        if seen is None:
            raise DeviceError("facts carry no day: add --seen DATE, the day on which Ansible asked the devices")
        return devices.facts(path, seen)
    except OSError as error:
        raise DeviceError(f"{error.strerror}: check the path") from error


def _listed(policy: Policy, rows: tuple[Reading, ...]) -> list[str]:
    held = {row.device: row for row in rows}
    told = [
        f"{name}: {f'{held[name].version} on {held[name].seen}' if name in held else NEVER}, approved {one.approved}"
        for name, one in policy.firmware.devices.items()
    ]
    return told or ["Policy lists no devices (firmware.devices). 정책에 등록된 장비가 없습니다."]
