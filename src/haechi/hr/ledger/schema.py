"""The tables' versions: made and brought up to date when the ledger is opened."""

from __future__ import annotations

from pathlib import Path

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
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in script.walk_revisions()}
    found = MigrationContext.configure(transaction.connection, opts={"version_table": VERSION_TABLE})
    here = set(found.get_current_heads())
    if newer := here - known:
        raise LedgerError(
            f"the ledger's tables are of version {', '.join(sorted(newer))}, and this Haechi knows"
            f" {script.get_current_head()}: update Haechi; an older one must not write into them"
        )
    if here == set(script.get_heads()):
        return
    # https://alembic.sqlalchemy.org/en/latest/cookbook.html, "sharing a connection": the transaction stays ours.
    config.attributes["connection"] = transaction.connection
    command.upgrade(config, "head")
