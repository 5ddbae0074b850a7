"""Several controllers over one ledger: real processes that are killed, halted and cut off in the middle of a run."""

from __future__ import annotations

import signal
from dataclasses import replace

from haechi.hr.ledger import Ledger, open_ledger, views
from haechi.hr.ledger.states import ItemState
from tests.hr import processes, site
from tests.hr.processes import within
from tests.hr.site import HOSTS, Setup
from tests.postgres import Postgres

BEGUN_S, OVER_S = 40, 60


def send(setup: Setup, *people: str) -> None:
    """Let HR say that people left."""
    for person in people:
        site.inbox(setup.folder).append(site.received(setup.folder, site.message(setup.folder, person)))


def acting(setup: Setup, ledger: Ledger, owner: str) -> bool:
    """Return whether a worker holds the first leaving, and its run has come to every host."""
    held = {row.leased_by for view in ledger.read(views.revocations) for row in view.hosts}
    return held == {owner} and all(processes.lines(setup, host, "hana") for host in HOSTS)


def nonces(ledger: Ledger) -> set[str]:
    """Return what the hosts are proven by."""
    (view,) = ledger.read(views.revocations)
    assert view.count(ItemState.PROVEN) == len(HOSTS)
    return {row.record["nonce"] for row in view.hosts}


def test_another_controller_takes_over_from_one_that_was_killed(setup: Setup) -> None:
    ledger = open_ledger(setup.ledger)
    send(setup, "hana")
    with processes.worker(replace(setup, owner="A", slow_s=30)) as first:
        assert within(BEGUN_S, lambda: acting(setup, ledger, "A"))
        assert processes.runs(setup, "A")
        first.kill()
        assert within(BEGUN_S, lambda: not processes.runs(setup, "A"))
        with processes.worker(replace(setup, owner="B")):
            assert within(OVER_S, lambda: processes.ended(ledger, ["hana"]))
    assert processes.doubled(setup, ["hana"]) == processes.falsely_proven(setup, ledger, ["hana"]) == []
    assert {token for host in HOSTS for token, _ in processes.lines(setup, host, "hana")} == {1, 2}


def test_a_controller_that_was_halted_beyond_its_lease_is_fenced_off(setup: Setup) -> None:
    ledger = open_ledger(setup.ledger)
    send(setup, "hana")
    with processes.worker(replace(setup, owner="A", slow_s=2)) as first:
        assert within(BEGUN_S, lambda: acting(setup, ledger, "A"))
        first.send_signal(signal.SIGSTOP)
        with processes.worker(replace(setup, owner="B")):
            assert within(OVER_S, lambda: processes.ended(ledger, ["hana"]))
        proven_by = nonces(ledger)
        first.send_signal(signal.SIGCONT)
        log = setup.folder / "log-A"
        assert within(BEGUN_S, lambda: "what the run showed is not written: lease 1" in log.read_text())
    assert nonces(ledger) == proven_by
    assert {nonce for host in HOSTS for _, nonce in processes.lines(setup, host, "hana")[1:]} == proven_by


def test_a_database_that_falls_in_the_middle_of_a_run_costs_nothing_but_time(setup: Setup, postgres: Postgres) -> None:
    ledger = open_ledger(setup.ledger)
    send(setup, "hana")
    with processes.worker(replace(setup, owner="A", slow_s=2)) as worker:
        assert within(BEGUN_S, lambda: acting(setup, ledger, "A"))
        postgres.restart()
        send(setup, "bora")
        assert within(OVER_S, lambda: processes.ended(ledger, ["hana", "bora"]))
        assert worker.poll() is None
    assert processes.falsely_proven(setup, ledger, ["hana", "bora"]) == []


def test_a_worker_that_is_told_to_stop_gives_its_hosts_back(setup: Setup) -> None:
    ledger = open_ledger(setup.ledger)
    send(setup, "hana")
    with processes.worker(replace(setup, owner="A", slow_s=60)) as worker:
        assert within(BEGUN_S, lambda: acting(setup, ledger, "A"))
        worker.terminate()
        assert worker.wait(BEGUN_S) == 0
    (view,) = ledger.read(views.revocations)
    assert {(str(row.state), row.leased_by, row.tries) for row in view.hosts} == {("pending", None, 0)}
