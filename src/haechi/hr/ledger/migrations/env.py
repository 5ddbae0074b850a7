"""What Alembic runs: every migration in the transaction of whoever called."""

from __future__ import annotations

from alembic import context

from haechi.hr.ledger.schema import VERSION_TABLE
from haechi.hr.ledger.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
