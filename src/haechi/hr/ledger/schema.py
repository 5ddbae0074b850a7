"""The tables' versions: made and brought up to date when the ledger is opened."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from haechi.hr.ledger.errors import LedgerError
from haechi.hr.ledger.transaction import Transaction

# Beside Procrastinate's tables, or another application's, a name of our own.
VERSION_TABLE = "haechi_version"
MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(transaction: Transaction) -> None:
    """Bring the tables to this Haechi's version, all or nothing. Raises ``LedgerError`` for tables of a newer one."""
    versions = _versions()
    found = MigrationContext.configure(transaction.connection, opts={"version_table": VERSION_TABLE})
    here = set(found.get_current_heads())
    if newer := here - versions.known:
        raise LedgerError(
            f"the ledger's tables are of version {', '.join(sorted(newer))}, and this Haechi knows"
            f" {', '.join(sorted(versions.heads))}: update Haechi; an older one must not write into them"
        )
    if here == versions.heads:
        return
    # https://alembic.sqlalchemy.org/en/latest/cookbook.html, "sharing a connection": the transaction stays ours.
    config = _config()
    config.attributes["connection"] = transaction.connection
    command.upgrade(config, "head")


class _Versions(NamedTuple):
    known: frozenset[str]
    heads: frozenset[str]


@cache
def _versions() -> _Versions:
    """Return what the migrations of this Haechi lead to: they stand in files, which are read once."""
    script = ScriptDirectory.from_config(_config())
    return _Versions(frozenset(made.revision for made in script.walk_revisions()), frozenset(script.get_heads()))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
