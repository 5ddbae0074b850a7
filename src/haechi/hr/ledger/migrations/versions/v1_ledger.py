"""The ledger: events, revocations, work items, matters, alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from haechi.hr.database import Utc

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    _event()
    _revocation()
    _work_item()
    _matter()
    _alert()


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("received", Utc, nullable=False),
        sa.Column("issued", Utc, nullable=True),
        sa.Column("accepted", Utc, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )


def _revocation() -> None:
    op.create_table(
        "revocation",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("event", sa.Integer, sa.ForeignKey("event.number"), nullable=True),
        sa.Column("asked", Utc, nullable=False),
        sa.Column("effective", Utc, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("released", Utc, nullable=True),
        sa.Column("closed", Utc, nullable=True),
        sa.UniqueConstraint("person", "epoch"),
    )


def _work_item() -> None:
    op.create_table(
        "work_item",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("revocation", sa.Integer, sa.ForeignKey("revocation.number"), nullable=False, index=True),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due", Utc, nullable=False, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("leased_by", sa.String(64), nullable=True),
        sa.Column("leased_until", Utc, nullable=True),
        sa.Column("applied", Utc, nullable=True),
        sa.Column("proven", Utc, nullable=True),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
        sa.UniqueConstraint("revocation", "target"),
    )


def _matter() -> None:
    op.create_table(
        "matter",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("event", sa.Integer, sa.ForeignKey("event.number"), nullable=True),
        sa.Column("opened", Utc, nullable=False),
        sa.Column("closed", Utc, nullable=True),
        sa.Column("by", sa.JSON, nullable=False),
    )


def _alert() -> None:
    op.create_table(
        "alert",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(128), nullable=False, unique=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("raised", Utc, nullable=False),
        sa.Column("sent", Utc, nullable=True),
        sa.Column("held", sa.Boolean, nullable=False),
    )
