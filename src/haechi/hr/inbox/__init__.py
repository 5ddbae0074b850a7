"""Accepted envelopes, committed before anybody is answered: one table, of SQLite or of PostgreSQL."""

from __future__ import annotations

from sqlalchemy import JSON, Column, DateTime, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()

INBOX = Table(
    "inbox",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("source", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("received", DateTime(timezone=True), nullable=False),
    Column("method", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
