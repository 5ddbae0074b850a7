"""Hosts that policy ever named: those of the leavings on record, until the next look at policy adds the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haechi.hr.database import Utc

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Make the table, and fill it with what is known."""
    op.create_table(
        "host",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("lost", Utc, nullable=True),
        sa.Column("retired", Utc, nullable=True),
    )
    op.execute(
        "INSERT INTO host (name) SELECT DISTINCT target FROM work_item"
        " WHERE target NOT IN (SELECT target FROM work_item WHERE state = 'retired')"
    )
