"""The ledger's tables. Times are UTC; a state moves as `haechi.hr.ledger.states` says and in no other way."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

# One row a message that was accepted, its raw bytes with it; ``why`` says what was refused or left open about it.
EVENT = Table(
    "event",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("source", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("received", DateTime(timezone=True), nullable=False),
    Column("accepted", DateTime(timezone=True), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("headers", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False, default=""),
)

# One leaving of one person: `waiting` for its time, `paused` for a second person, `open`, `proven`, `closed`.
REVOCATION = Table(
    "revocation",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("person", String(32), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("act", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("event", ForeignKey("event.number"), nullable=True),
    Column("asked", DateTime(timezone=True), nullable=False),
    Column("effective", DateTime(timezone=True), nullable=False),
    Column("state", String(16), nullable=False),
    Column("closed", DateTime(timezone=True), nullable=True),
    UniqueConstraint("person", "epoch"),
)

# One host of one revocation: pending -> leased -> applied -> proven, or retired by an approved record.
WORK_ITEM = Table(
    "work_item",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("revocation", ForeignKey("revocation.number"), nullable=False, index=True),
    Column("target", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("due", DateTime(timezone=True), nullable=False, index=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("token", Integer, nullable=False, default=0),
    Column("leased_by", String(64), nullable=True),
    Column("leased_until", DateTime(timezone=True), nullable=True),
    Column("applied", DateTime(timezone=True), nullable=True),
    Column("proven", DateTime(timezone=True), nullable=True),
    Column("reasons", JSON, nullable=False, default=list),
    Column("record", JSON, nullable=False, default=dict),
    UniqueConstraint("revocation", "target"),
)

# What waits for a person: an open circuit breaker, a joiner, a mover, a message about nobody policy knows.
MATTER = Table(
    "matter",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("about", Text, nullable=False),
    Column("event", ForeignKey("event.number"), nullable=True),
    Column("opened", DateTime(timezone=True), nullable=False),
    Column("closed", DateTime(timezone=True), nullable=True),
    Column("by", JSON, nullable=False, default=list),
)

# Every alert once, so that a restart neither repeats nor forgets one.
ALERT = Table(
    "alert",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("raised", DateTime(timezone=True), nullable=False),
    Column("sent", DateTime(timezone=True), nullable=True),
    Column("held", Boolean, nullable=False, default=False),
)
