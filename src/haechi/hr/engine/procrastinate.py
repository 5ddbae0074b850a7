"""The engine of several controllers: Procrastinate's workers over the ledger's own PostgreSQL.

A job is no more than "look at this leaving": the ledger says what is due, and whatever a queue loses is submitted
again. So a job has a ``queueing_lock``, which keeps its copies out, and neither a ``lock``, which would let a
retry wait for a worker that is dead (procrastinate #1408), nor a time of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cached_property
from threading import Event
from typing import Any

from procrastinate import App, PsycopgConnector, jobs
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

from haechi.hr.engine import EngineError, Handler
from haechi.hr.ledger import Ledger, LedgerError, Transaction, revocations
from haechi.hr.ledger.core import QUEUE_SCHEMA, SETTINGS

LOG = logging.getLogger("haechi.hr")
TASK, QUEUE = "haechi.revocation", "haechi"
LANES = 4
RECONCILE_S, POLL_S, TICK_S, AGAIN_S = 2.0, 5.0, 0.2, 1.0
# A worker beats every ten seconds; without a word for three beats its jobs are taken for lost.
STALLED_S = 30


@dataclass(frozen=True)
class Procrastinate:
    """Defers a job in the ledger's own transaction; any controller's worker takes it."""

    ledger: Ledger

    def __post_init__(self) -> None:
        """Make the queue's tables, or make them anew for another version: the queue holds nothing of worth.

        Raises ``EngineError`` for a ledger in SQLite, and ``LedgerError``.
        """
        if self.ledger.engine.dialect.name != "postgresql":
            raise EngineError("engine procrastinate needs PostgreSQL: set hr.database, or `engine: embedded`")
        self.ledger.write(_prepare)

    @cached_property
    def _submitting(self) -> App:
        """Return an application that opens no connection of its own."""
        return _app(self.ledger)

    def submit(self, connection: Connection, revocation: int) -> None:
        """Defer a job on the ledger's connection; one that waits for the same leaving already is enough."""
        deferrer = self._submitting.configure_task(
            TASK,
            queue=QUEUE,
            queueing_lock=_name(revocation),
            connection=connection.connection.driver_connection,
            allow_unknown=True,
        )
        # Its unique index would otherwise break the ledger's whole transaction.
        with contextlib.suppress(AlreadyEnqueued), connection.begin_nested():
            deferrer.defer(revocation=revocation)

    def work(self, handler: Handler, stopped: Event) -> None:
        """Work until ``stopped`` is set, over any restart of the database; runs that began are ended first."""
        while not stopped.is_set():
            try:
                asyncio.run(self._serve(handler, stopped))
            except (ConnectorException, LedgerError) as error:
                LOG.warning("engine: %s; tried again", error.__cause__ or error)
            stopped.wait(AGAIN_S)

    async def _serve(self, handler: Handler, stopped: Event) -> None:
        app = _app(self.ledger)

        @app.task(name=TASK, queue=QUEUE)
        def work_off(revocation: int) -> None:
            handler(revocation)

        async with app.open_async():
            worker = app.run_worker_async(
                queues=[QUEUE],
                concurrency=LANES,
                fetch_job_polling_interval=POLL_S,
                stalled_worker_timeout=STALLED_S,
                delete_jobs="always",
                install_signal_handlers=False,
            )
            await _until_first(worker, self._reconciling(app), _set(stopped))

    async def _reconciling(self, app: App) -> None:
        while True:
            await self._reconcile(app)
            await asyncio.sleep(RECONCILE_S)

    async def _reconcile(self, app: App) -> None:
        """Drop the jobs of dead workers, and submit what the ledger says is due and nobody waits for."""
        for lost in await app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED_S):
            # Another controller may have dropped it; a database that is away says so at the next step.
            with contextlib.suppress(ConnectorException):
                await app.job_manager.finish_job(lost, jobs.Status.FAILED, delete_job=True)
        waiting = await app.job_manager.list_jobs_async(queue=QUEUE, status=jobs.Status.TODO.value)
        there = {job.queueing_lock for job in waiting}
        for number in await asyncio.to_thread(self.ledger.read, revocations.due):
            if _name(number) not in there:
                with contextlib.suppress(AlreadyEnqueued):
                    await app.configure_task(TASK, queueing_lock=_name(number)).defer_async(revocation=number)


def _app(ledger: Ledger) -> App:
    conninfo = ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return App(connector=PsycopgConnector(conninfo=conninfo, kwargs={"options": SETTINGS}))


def _name(revocation: int) -> str:
    return f"revocation {revocation}"


def _prepare(transaction: Transaction) -> None:
    connection, version = transaction.connection, importlib.metadata.version("procrastinate")
    found = connection.scalar(text(f"SELECT obj_description(to_regnamespace('{QUEUE_SCHEMA}'), 'pg_namespace')"))
    if found == version:
        return
    connection.execute(text(f"DROP SCHEMA IF EXISTS {QUEUE_SCHEMA} CASCADE"))
    connection.execute(text(f"CREATE SCHEMA {QUEUE_SCHEMA}"))
    connection.execute(text(f"SET LOCAL search_path TO {QUEUE_SCHEMA}"))
    # By the driver itself: the schema is many statements, with colons and percent signs of their own.
    driver: Any = connection.connection.driver_connection
    driver.execute(SchemaManager.get_schema())
    connection.execute(text(f"COMMENT ON SCHEMA {QUEUE_SCHEMA} IS '{version}'"))


async def _set(stopped: Event) -> None:
    while not stopped.is_set():  # noqa: ASYNC110 -- it is another thread that sets it
        await asyncio.sleep(TICK_S)


async def _until_first(*works: Coroutine[Any, Any, None]) -> None:
    """Run until the first of these ends, end the others, and raise what any of them raised."""
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
