"""The ledger's tables. Times are UTC; a state moves as `haechi.hr.ledger.states` says and in no other way."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from haechi.hr.database import Utc

METADATA = MetaData()

# One row a message that was accepted, its raw bytes with it; ``why`` says what was refused or left open about it.
# ``issued`` is when a roster was made, by its own word: an older one than that before says nothing.
EVENT = Table(
    "event",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("source", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("received", Utc, nullable=False),
    Column("issued", Utc, nullable=True),
    Column("accepted", Utc, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("headers", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False, default=""),
)

# One leaving of one person: `waiting` for its time, `paused` for a second person, `open`, `proven`, `closed`;
# `superseded` by a new employment.
# `released` is when a second person let it go on; from then on the breaker counts it no more.
REVOCATION = Table(
    "revocation",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("person", String(32), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("act", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("event", ForeignKey("event.number"), nullable=True),
    Column("asked", Utc, nullable=False),
    Column("effective", Utc, nullable=False),
    Column("state", String(16), nullable=False),
    Column("released", Utc, nullable=True),
    Column("closed", Utc, nullable=True),
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
    Column("due", Utc, nullable=False, index=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("token", Integer, nullable=False, default=0),
    Column("leased_by", String(64), nullable=True),
    Column("leased_until", Utc, nullable=True),
    Column("applied", Utc, nullable=True),
    Column("proven", Utc, nullable=True),
    Column("reasons", JSON, nullable=False, default=list),
    Column("record", JSON, nullable=False, default=dict),
    UniqueConstraint("revocation", "target"),
)

# Every host that policy named while the service ran; ``lost`` since policy no longer does, ``retired`` by an approved
# record alone.
HOST = Table(
    "host",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("lost", Utc, nullable=True),
    Column("retired", Utc, nullable=True),
)

# What waits for a person: an open circuit breaker, a joiner, a mover, a message about nobody policy knows.
MATTER = Table(
    "matter",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("about", Text, nullable=False),
    Column("event", ForeignKey("event.number"), nullable=True),
    Column("opened", Utc, nullable=False),
    Column("closed", Utc, nullable=True),
    Column("by", JSON, nullable=False, default=list),
)

# Every alert once, so that a restart neither repeats nor forgets one; `held` while its cause lasts.
ALERT = Table(
    "alert",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("raised", Utc, nullable=False),
    Column("sent", Utc, nullable=True),
    Column("held", Boolean, nullable=False, default=False),
)
