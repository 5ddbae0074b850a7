"""A worker in a process of its own, as the tests start and kill it: ``python -m tests.hr.worker_process SETUP``."""

from __future__ import annotations

import logging
import sys

from haechi.hr.ledger import open_ledger
from haechi.hr.work.worker import Terms, Worker, stop_on_signals
from tests.hr import site
from tests.hr.crash import MortalInbox, MortalLedger, MortalWitness, Plan
from tests.hr.play import Files, Mortal, executor


def main() -> None:
    """Work until SIGTERM, or until the plan says to die."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    setup = site.read_setup(sys.argv[1])
    stopped, plan = stop_on_signals(), Plan(*setup.crash)
    opened = open_ledger(setup.ledger)
    ledger = MortalLedger(opened.engine, opened.clock, plan, setup.folder)
    Worker(
        owner=setup.owner,
        ledger=ledger,
        engine=site.engine_of(setup, ledger),
        executor=Mortal(executor(setup), plan, setup.folder),
        witness=MortalWitness(Files(setup.folder), plan),
        inboxes=[MortalInbox(site.inbox(setup.folder), plan)],
        read=site.Reader(setup.folder),
        sight=lambda: site.sight(setup.people),
        watch=lambda: None,
        terms=Terms(lease=setup.lease_s, grace=2, rest=1),
    ).run(stopped)


if __name__ == "__main__":
    main()
