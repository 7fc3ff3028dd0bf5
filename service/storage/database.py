"""The pool, and transactions that run as somebody. Nothing in Motif talks to Postgres outside of one."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
import psycopg
from pgvector.psycopg import register_vector_async  # pyright: ignore[reportUnknownVariableType]
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from service.errors import DatabaseUnavailable
from service.storage.queries import load

# A generic plan of a match knows neither the project nor the terms, and turns milliseconds into a tenth of a second.
OPTIONS = "-c search_path=public,extensions -c plan_cache_mode=force_custom_plan"

Connection: TypeAlias = AsyncConnection[DictRow]
SQL = load("database")


class Role(StrEnum):
    """What a transaction runs as. A connection with no role set sees nothing."""

    TEAM_CLIENT = "authenticated"
    API = "motif_api"
    SERVICE = "service_role"


class Caller(msgspec.Struct, frozen=True):
    """Whose request it is; becomes the claims that `auth.uid()` and the policies read.

    `agent_key`: id of the key that a program came with; `user_id` is then who made it, and the policies allow what both
    may. Without a `user_id` it is the service itself, whom no policy holds: a request with one of its secret keys.
    """

    user_id: UUID | None
    agent_key: UUID | None = None

    @property
    def claims(self) -> str:
        """The claims as Supabase's tokens carry them, JSON; empty for the service itself."""
        if self.user_id is None:
            return ""
        claims = {"sub": str(self.user_id), "role": "authenticated", "aud": "authenticated"}
        if self.agent_key is not None:
            claims["agent_key"] = str(self.agent_key)
        return msgspec.json.encode(claims).decode()

    @property
    def is_person(self) -> bool:
        """Whether somebody asks who signed in themselves."""
        return self.user_id is not None and self.agent_key is None


class Database:
    """A pool of connections that log in as `motif_service`."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        application: str = "motif",
        revive: Callable[[], None] | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """Both are called in a thread: `revive` starts the embedded server again when it has died under us, `release`
        leaves it after the last connection is closed.
        """
        self.url = url
        self._revive = revive
        self._release = release
        self._how: dict[str, Any] = {"row_factory": dict_row, "application_name": application, "options": OPTIONS}
        self._pool = AsyncConnectionPool[AsyncConnection[DictRow]](
            url,
            min_size=1,
            max_size=pool_size,
            open=False,
            kwargs=self._how,
            configure=_configure,
            check=_check,
            timeout=10,
            # Trying again is put off twice as long each time: after a long outage, for minutes. Given up this soon, the
            # next request begins anew.
            reconnect_timeout=4,
            name=application,
        )

    async def open(self) -> None:
        """Connect; raises DatabaseUnavailable when nothing answers within 10 s."""
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as error:
            await self._pool.close()
            raise unavailable(error) from None

    async def revive(self) -> None:
        """Start the embedded server again if it died; nothing for a database that is somebody else's to start.

        Raises DatabaseUnavailable when it cannot be started.
        """
        if self._revive is not None:
            await asyncio.to_thread(self._revive)

    async def close(self) -> None:
        """Close every connection; open transactions are rolled back."""
        await self._pool.close()
        if self._release is not None:
            await asyncio.to_thread(self._release)

    @asynccontextmanager
    async def transaction(
        self, role: Role, caller: Caller | None = None, *, apart: bool = False
    ) -> AsyncGenerator[Connection]:
        """One transaction as `role`, with the caller's claims; committed at the end of the block.

        `apart`: on a connection of its own, for one that is held while others are needed; out of the pool, enough of
        those at once would wait for each other. Raises DatabaseUnavailable when no connection is to be had, or it is
        lost.
        """
        try:
            source = self._connection() if apart else self._pool.connection()
            async with source as connection, connection.transaction():
                await connection.execute(SQL["become"], (role.value, caller.claims if caller else ""))
                yield connection
        except (psycopg.OperationalError, PoolTimeout) as error:
            if isinstance(error, psycopg.errors.QueryCanceled | psycopg.errors.TransactionRollback):
                raise
            raise unavailable(error) from error

    def reading(self, caller: Caller) -> AbstractAsyncContextManager[Connection]:
        """A transaction that sees what the caller may see, as a team client does."""
        return self.transaction(Role.SERVICE if caller.user_id is None else Role.TEAM_CLIENT, caller)

    def writing(self, caller: Caller) -> AbstractAsyncContextManager[Connection]:
        """A transaction that may do what the API allows the caller; also for what only it may read: keys, audit."""
        return self.transaction(Role.SERVICE if caller.user_id is None else Role.API, caller)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection]:
        async with await AsyncConnection[DictRow].connect(self.url, connect_timeout=10, **self._how) as connection:
            yield connection


async def _check(connection: AsyncConnection[DictRow]) -> None:
    """A connection that died while it lay in the pool is replaced before anybody gets it."""
    await connection.execute(SQL["ping"])


async def only_row(cursor: AsyncCursor[DictRow]) -> DictRow:
    """The row of a statement that always gives one."""
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("a statement that always gives a row gave none")
    return row


async def _configure(connection: AsyncConnection[DictRow]) -> None:
    await register_vector_async(connection)
    await connection.commit()


def unavailable(error: Exception) -> DatabaseUnavailable:
    """The error for a database that does not answer; keeps the driver's first line, which holds no content."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DatabaseUnavailable(
        f"The database does not answer: {reason}.".replace("..", "."),
        fix="Check MOTIF_DATABASE_URL, or run `motif doctor`.",
    )
