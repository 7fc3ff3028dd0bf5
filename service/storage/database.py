"""The pool, and transactions that run as somebody. Nothing in Motif talks to Postgres outside of one."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from enum import StrEnum
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

import msgspec
import psycopg
from pgvector.psycopg import register_vector_async  # pyright: ignore[reportUnknownVariableType]
from psycopg import AsyncConnection, AsyncCursor, AsyncTransaction
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from service.errors import ConfigurationError, DatabaseUnavailable
from service.storage.queries import load

Connection: TypeAlias = AsyncConnection[DictRow]
SQL = load("database")
# What a statement prepared on another server connection is answered with.
_NOT_PREPARED_HERE = (psycopg.errors.InvalidSqlStatementName, psycopg.errors.DuplicatePreparedStatement)
# Errors that another connection would not spare us.
_NOT_THE_CONNECTION = (PoolTimeout, psycopg.errors.QueryCanceled, psycopg.errors.TransactionRollback)


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
    """A pool of connections that log in as `motif_service`.

    Nothing is kept in a session: role, claims and settings are each transaction's own, so that the next transaction may
    be another server connection's, as it is behind a pooler in transaction mode.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        application: str = "motif",
        pooled: bool = False,
        revive: Callable[[], None] | None = None,
        release: Callable[[], None] | None = None,
        scrub: Callable[[], None] | None = None,
    ) -> None:
        """`pooled`: the URL is that of a pooler in transaction mode, so nothing is prepared under a name.

        Called in a thread: `revive` starts the embedded server again when it has died under us, `release` leaves it
        after the last connection is closed, `scrub` rewrites its files without what was erased.
        """
        self.url = url
        self.pooled = pooled
        self._revive = revive
        self._release = release
        self._scrub = scrub
        # Autocommit, so that only `transaction` begins one. No startup options: poolers refuse them.
        self._how: dict[str, Any] = {"row_factory": dict_row, "application_name": application, "autocommit": True}
        if pooled:
            self._how["prepare_threshold"] = None
        self._pool = AsyncConnectionPool[AsyncConnection[DictRow]](
            url,
            min_size=1,
            max_size=pool_size,
            open=False,
            kwargs=self._how,
            configure=_configure,
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

    @property
    def embedded(self) -> bool:
        """Whether the database's files are ours to rewrite."""
        return self._scrub is not None

    async def scrub(self) -> None:
        """Rewrite the embedded database's files without what was erased; nothing for one that is somebody else's.

        Raises DatabaseUnavailable when somebody keeps a table to themselves for too long: try again later.
        """
        if self._scrub is not None:
            await asyncio.to_thread(self._scrub)

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
        lost; ConfigurationError when a pooler is in between that was not told of.
        """
        identity = (role.value, caller.claims if caller else "")
        with _in_our_words():
            async with AsyncExitStack() as stack:
                if apart:
                    connection = await _begin(stack, self._connection(), identity)
                else:
                    connection = await self._begin_pooled(stack, identity)
                yield connection

    async def row(self, role: Role, statement: LiteralString, values: Mapping[str, Any]) -> DictRow:
        """The row of one statement in a transaction of its own, committed, all in a single round trip.

        Only for statements that may be repeated: on a connection that died while it lay in the pool, nobody knows how
        far it came, and it is tried on the next. Raises as `transaction` does.
        """
        with _in_our_words():
            for _ in range(self._pool.max_size):
                try:
                    return await self._row(role, statement, values)
                except (*_NOT_PREPARED_HERE, *_NOT_THE_CONNECTION):
                    raise
                except psycopg.OperationalError:
                    continue
            return await self._row(role, statement, values)

    async def _row(self, role: Role, statement: LiteralString, values: Mapping[str, Any]) -> DictRow:
        async with self._pool.connection() as connection:
            cursor = connection.cursor()
            async with connection.pipeline():  # what it sends is one transaction, and it ends by itself
                await connection.execute(SQL["become"], (role.value, ""))
                await cursor.execute(statement, values)
            return await only_row(cursor)

    async def _begin_pooled(self, stack: AsyncExitStack, identity: tuple[str, str]) -> Connection:
        """Begin on a connection of the pool. One that died while it lay there shows only now; it is replaced."""
        for _ in range(self._pool.max_size):
            try:
                async with AsyncExitStack() as attempt:
                    connection = await _begin(attempt, self._pool.connection(), identity)
                    await stack.enter_async_context(attempt.pop_all())
                    return connection
            except (*_NOT_PREPARED_HERE, PoolTimeout):  # the pool has waited long enough already
                raise
            except psycopg.OperationalError:
                continue
        return await _begin(stack, self._pool.connection(), identity)

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


async def _begin(
    stack: AsyncExitStack, source: AbstractAsyncContextManager[Connection], identity: tuple[str, str]
) -> Connection:
    """Take a connection and begin a transaction as somebody, in one round trip; the stack ends both."""
    connection = await stack.enter_async_context(source)
    async with connection.pipeline():
        # Not connection.transaction(), which would stay in the pipeline: there no statement waits for its result.
        await stack.enter_async_context(AsyncTransaction(connection))
        await connection.execute(SQL["become"], identity)
    return connection


@contextmanager
def _in_our_words() -> Generator[None]:
    """What the driver raises, as one of our errors; a cancelled or rolled back transaction is its caller's to judge."""
    try:
        yield
    except _NOT_PREPARED_HERE as error:
        raise _pooler_unsaid() from error
    except (psycopg.OperationalError, PoolTimeout) as error:
        if isinstance(error, psycopg.errors.QueryCanceled | psycopg.errors.TransactionRollback):
            raise
        raise unavailable(error) from error


async def only_row(cursor: AsyncCursor[DictRow]) -> DictRow:
    """The row of a statement that always gives one."""
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("a statement that always gives a row gave none")
    return row


async def _configure(connection: AsyncConnection[DictRow]) -> None:
    # What is learned here, the types' numbers, is the database's and holds for every connection to it.
    async with connection.transaction():
        await connection.execute(SQL["look_for_types"])
        await register_vector_async(connection)


def unavailable(error: Exception) -> DatabaseUnavailable:
    """The error for a database that does not answer; keeps the driver's first line, which holds no content."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DatabaseUnavailable(
        f"The database does not answer: {reason}.".replace("..", "."),
        fix="Check MOTIF_DATABASE_URL, or run `motif doctor`.",
    )


def _pooler_unsaid() -> ConfigurationError:
    return ConfigurationError(
        "Between Motif and the database there is a pooler in transaction mode.",
        fix="Set MOTIF_DATABASE_POOLER=transaction.",
    )
