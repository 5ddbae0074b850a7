"""A receiver in a process of its own: reads messages as lines of JSON, keeps them, and says which it has."""

from __future__ import annotations

import json
import sys

from haechi.hr.envelope import read_document
from tests.hr import site
from tests.hr.crash import AFTER, BEFORE, Plan


def main() -> None:
    """Keep what comes in and answer each with its id, once it is on the disk."""
    setup = site.read_setup(sys.argv[1])
    plan, inbox = Plan(*setup.crash), site.inbox(setup.folder)
    for line in sys.stdin:
        kept = site.received(setup.folder, read_document(json.loads(line)))
        plan.reached("append", BEFORE)
        inbox.append(kept)
        plan.reached("append", AFTER)
        sys.stdout.write(f"{kept.id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
