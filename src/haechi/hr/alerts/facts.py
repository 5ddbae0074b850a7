"""What the alerts' clock looks at, read from the ledger in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from haechi.hr.ledger import Transaction, hosts, views
from haechi.hr.ledger.states import EventState
from haechi.hr.ledger.tables import EVENT
from haechi.hr.ledger.views import MatterView, RevocationView

REFUSED_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that may be a reason to wake somebody. ``refused`` counts messages of the last hour by source.

    ``lost`` are hosts that policy named and does not name any more.
    """

    now: datetime
    leavings: tuple[RevocationView, ...]
    matters: tuple[MatterView, ...]
    refused: Mapping[str, int]
    lost: tuple[str, ...] = ()


def read(transaction: Transaction) -> Facts:
    """Return the facts of this moment."""
    since = transaction.now - REFUSED_WITHIN
    query = select(EVENT.c.source, func.count().label("times")).where(
        EVENT.c.state == EventState.REFUSED, EVENT.c.accepted >= since
    )
    rows = transaction.connection.execute(query.group_by(EVENT.c.source))
    return Facts(
        now=transaction.now,
        leavings=views.revocations(transaction, unended=True),
        matters=views.matters(transaction),
        refused={row.source: row.times for row in rows},
        lost=hosts.lost(transaction),
    )
