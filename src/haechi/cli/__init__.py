"""The command line ``haechi``: one module a verb."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from haechi import __version__
from haechi.cli import (
    approve,
    bench,
    break_glass,
    ca,
    cert,
    demo,
    devices,
    enrol,
    evidence,
    fleet_bench,
    hr,
    judge,
    lab,
    report,
    request,
    review,
    rotated,
    ssh_config,
    validate,
    vpn,
)

VERBS = (
    *(validate, lab, demo, ssh_config, ca, cert, enrol, evidence, judge, report, review),
    *(request, approve, break_glass, rotated, devices, vpn, hr, bench, fleet_bench),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code: 0 done, 1 problems found, 2 wrong usage, 3 not possible here."""
    parser = argparse.ArgumentParser(prog="haechi", description="Policy in, hardened eKYC servers and proof out.")
    parser.add_argument("--version", action="version", version=f"haechi {__version__}")
    subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(subparsers)
    args = parser.parse_args(argv)
    result: int = args.run(args)
    return result
