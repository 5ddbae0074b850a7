"""The command line ``haechi``: one module a verb."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from haechi import __version__

VERBS = (
    *("validate", "lab", "demo", "ssh-config", "ca", "cert", "enrol", "evidence", "judge", "report", "review"),
    *("request", "approve", "break-glass", "rotated", "devices", "vpn", "hr", "bench", "fleet-bench"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code: 0 done, 1 problems found, 2 wrong usage, 3 not possible here."""
    words = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="haechi", description="Policy in, hardened eKYC servers and proof out.")
    parser.add_argument("--version", action="version", version=f"haechi {__version__}")
    subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    # One verb of twenty is asked for, and to load them all takes a second: only --help and mistakes want that.
    for verb in [words[0]] if words and words[0] in VERBS else VERBS:
        import_module(f"haechi.cli.{verb.replace('-', '_')}").add(subparsers)
    args = parser.parse_args(words)
    result: int = args.run(args)
    return result
