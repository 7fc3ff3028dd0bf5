"""The queue on its own connections: procrastinate in schema `jobs`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import procrastinate
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from service.storage import jobs
from service.storage.database import Database
from service.worker.tasks import Work, register


class _QueuePool(AsyncConnectionPool[AsyncConnection[Any]]):
    """A pool whose connections each come with a transaction that is the queue's already.

    As in `Database` nothing is kept in a session: behind a pooler the next transaction may be another server
    connection's.
    """

    def __init__(self, longest_idle_s: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._longest_idle_s = longest_idle_s

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncGenerator[AsyncConnection[Any]]:  # noqa: ASYNC109
        """A connection in a transaction as the service, committed at the end of the block."""
        async with super().connection(timeout) as connection:
            await jobs.become_queue(connection, self._longest_idle_s)
            yield connection


def create_queue(database: Database, work: Work) -> procrastinate.App:
    """The queue with its tasks, not yet open; it logs in as the database's pool does."""
    connector = procrastinate.PsycopgConnector(
        # A worker that is frozen in the middle of a transaction must not hold others up once it counts as dead.
        pool_factory=partial(_QueuePool, work.pace.stalled_s),
        conninfo=database.url,
        kwargs={
            "application_name": "motif-queue",
            **({"prepare_threshold": None} if database.pooled else {}),
            # A database that vanished without a word is noticed before its jobs are given to others.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        },
        min_size=1,
        # Fetching, the heartbeat, the periodic jobs and the end of jobs; listening has a connection of its own.
        max_size=3,
        timeout=5,
        name="motif-queue",
    )
    queue = procrastinate.App(connector=connector)
    register(queue, work)
    return queue
