"""The ledger in figures, as Prometheus reads them (https://prometheus.io/docs/practices/naming/)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from haechi.hr.ledger import Ledger, Transaction, views
from haechi.hr.ledger.matters import BREAKER
from haechi.hr.ledger.states import ENDED, ItemState, RevocationState
from haechi.hr.ledger.tables import EVENT, REVOCATION, WORK_ITEM
from haechi.hr.status.board import Board
from haechi.hr.status.board import read as read_board
from haechi.policy.provisioning import Sla

BUCKETS = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 86400.0)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What is exposed; ``proven`` are the seconds from a leaving's begin until its last host was proven."""

    events: Sequence[tuple[str, str, int]]
    revocations: dict[str, int]
    items: dict[str, int]
    proven: Sequence[float]
    board: Board


def text(ledger: Ledger, sla: Sla) -> bytes:
    """Return the exposition. Raises ``LedgerError``: no figures are better than old ones."""
    registry = CollectorRegistry()
    registry.register(_Once(ledger.read(read, sla)))
    return generate_latest(registry)


def read(transaction: Transaction, sla: Sla) -> Figures:
    """Return the figures of this moment."""
    events = select(EVENT.c.source, EVENT.c.state, func.count()).group_by(EVENT.c.source, EVENT.c.state)
    counts = views.counts(transaction)
    return Figures(
        events=[(source, state, number) for source, state, number in transaction.connection.execute(events)],
        revocations=dict(counts[REVOCATION.name]),
        items=dict(counts[WORK_ITEM.name]),
        proven=_proven(transaction),
        board=read_board(transaction, sla, {}),
    )


def families(figures: Figures) -> Iterable[Metric]:
    """Return the metrics. Every state is there, at 0 where it is empty, so that no rule over one goes silent."""
    events = CounterMetricFamily("haechi_hr_events", "Messages on record", labels=("source", "state"))
    for source, state, number in figures.events:
        events.add_metric((source, state), number)
    yield events
    yield _by_state("haechi_hr_revocations", "Leavings", RevocationState, figures.revocations)
    yield _by_state("haechi_hr_items", "Hosts of leavings", ItemState, figures.items)
    yield _gauge("haechi_hr_open_hosts", "Hosts neither proven nor retired, clock running", figures.board.open_hosts)
    yield _gauge("haechi_hr_oldest_open_seconds", "Age of the oldest open leaving", _age(figures.board))
    yield _gauge("haechi_hr_late_revocations", "Leavings beyond the SLA", sum(row.late for row in figures.board.going))
    waits = sum(row.kind == BREAKER for row in figures.board.matters)
    yield _gauge("haechi_hr_breaker_open", "Batches that wait for a second person", waits)
    yield _gauge("haechi_hr_matters", "What waits for people", len(figures.board.matters))
    yield _histogram(figures.proven)


class _Once(Collector):
    """Figures that were read already: a scrape is one reading of the ledger."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def collect(self) -> Iterable[Metric]:
        return families(self.figures)


def _proven(transaction: Transaction) -> list[float]:
    last, waits = func.max(WORK_ITEM.c.proven), func.count().filter(WORK_ITEM.c.state.not_in(ENDED))
    query = (
        select(REVOCATION.c.asked, REVOCATION.c.effective, REVOCATION.c.released, last)
        .join(WORK_ITEM, WORK_ITEM.c.revocation == REVOCATION.c.number)
        .group_by(REVOCATION.c.number)
        .having(waits == 0)
    )
    rows = transaction.connection.execute(query)
    return [_seconds(last, asked, effective, released or asked) for asked, effective, released, last in rows if last]


def _seconds(last: datetime, *begins: datetime) -> float:
    return max(0.0, (last - max(begins)).total_seconds())


def _age(board: Board) -> float:
    return (board.now - board.oldest).total_seconds() if board.oldest else 0.0


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def _by_state(
    name: str, words: str, states: Iterable[RevocationState | ItemState], counts: dict[str, int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=("state",))
    for state in states:
        family.add_metric((str(state),), counts.get(state, 0))
    return family


def _histogram(seconds: Sequence[float]) -> HistogramMetricFamily:
    buckets = [(str(bound), float(sum(value <= bound for value in seconds))) for bound in BUCKETS]
    words = "From the clock's begin until the last host of a leaving was proven"
    return HistogramMetricFamily(
        "haechi_hr_proven_seconds", words, buckets=[*buckets, ("+Inf", float(len(seconds)))], sum_value=sum(seconds)
    )
