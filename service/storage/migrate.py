"""Applies supabase/migrations, with the bookkeeping of the Supabase CLI, so that either carries on from the other."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from service.errors import ConfigurationError, DatabaseError, DatabaseUnavailable, SchemaMismatch
from service.storage.migration import Migration, created, read_migrations
from service.storage.preflight import Facts, check_fit, check_no_clash, check_not_newer, check_nothing_in_the_way
from service.storage.queries import load

SQL = load("migrate")


class MigrationStatus(msgspec.Struct, frozen=True):
    """File names without `.sql`: what the database has of this Motif's migrations, and what it still lacks."""

    applied: list[str]
    pending: list[str]


async def migrate(admin_url: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; the names of what was applied, oldest first.

    Two processes at once are fine. A role that may not migrate is fine too where nothing is missing.
    Raises DatabaseUnavailable, DatabaseUnfit, SchemaCollision, SchemaMismatch; DatabaseError for a migration that
    fails, of which nothing stays.
    """
    known = list(migrations) if migrations is not None else read_migrations()
    async with _connected(admin_url) as connection:
        facts = await _facts(connection)
        check_not_newer(facts, known)
        if not facts.may_migrate:
            _check_complete(facts, known)
            return []
        return [str(migration) async for migration in _applied(connection, facts, known)]


async def status(admin_url: str, migrations: Sequence[Migration] | None = None) -> MigrationStatus:
    """What `migrate` would do. Raises DatabaseUnavailable, SchemaMismatch, SchemaCollision for a clash of versions."""
    known = list(migrations) if migrations is not None else read_migrations()
    async with _connected(admin_url) as connection:
        facts = await _facts(connection)
        check_not_newer(facts, known)
        if facts.may_migrate:
            recorded = await _recorded(connection) if facts.has_book else {}
            check_no_clash(known, recorded)
            applied = [migration for migration in known if migration.version in recorded]
        else:  # the bookkeeping is not ours to read; the comment on the schema is
            applied = [migration for migration in known if migration.version <= facts.schema_version]
        pending = [migration for migration in known if migration not in applied]
        return MigrationStatus([str(migration) for migration in applied], [str(migration) for migration in pending])


async def _applied(
    connection: AsyncConnection[DictRow], facts: Facts, known: Sequence[Migration]
) -> AsyncGenerator[Migration]:
    async with connection.transaction():
        await connection.execute(SQL["lock"])
        if not facts.has_book:
            await connection.execute(SQL["make_book"])
        recorded = await _recorded(connection)
        check_no_clash(known, recorded)
        pending = [migration for migration in known if migration.version not in recorded]
        if pending:
            check_fit(facts)
        if len(pending) == len(known):
            rows = await (await connection.execute(SQL["existing"], created(pending))).fetchall()
            check_nothing_in_the_way([row["name"] for row in rows])
    for migration in pending:
        async with connection.transaction():
            await connection.execute(SQL["lock"])
            if migration.version in await _recorded(connection):
                continue  # another process was here since
            try:
                await connection.execute(migration.sql.encode())
                await connection.execute(SQL["record"], (migration.version, migration.statements, migration.name))
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                raise DatabaseError(
                    f"The migration {migration} failed: {str(error).splitlines()[0]}.",
                    fix="Nothing of it was kept; run `motif doctor`, mend the cause, then try again.",
                ) from error
        yield migration


async def _facts(connection: AsyncConnection[DictRow]) -> Facts:
    [row] = await (await connection.execute(SQL["facts"])).fetchall()
    return msgspec.convert(row, Facts)


async def _recorded(connection: AsyncConnection[DictRow]) -> dict[str, str]:
    rows = await (await connection.execute(SQL["recorded"])).fetchall()
    return {row["version"]: row["name"] for row in rows}


def _check_complete(facts: Facts, known: Sequence[Migration]) -> None:
    if known and facts.schema_version < known[-1].version:
        raise SchemaMismatch(
            f"The database lacks migrations of Motif, and the role {facts.role} may not apply them.",
            fix="Set MOTIF_DATABASE_ADMIN_URL to a role that may, or apply supabase/migrations with the Supabase CLI.",
        )


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[AsyncConnection[DictRow]]:
    try:
        conninfo = make_conninfo(url, connect_timeout=10, application_name="motif-migrate")
    except psycopg.ProgrammingError:  # its message may quote the password
        raise ConfigurationError(
            "The URL of the database cannot be read.", fix="Write it as postgresql://user:password@host:5432/database."
        ) from None
    try:
        # Autocommit, so that each transaction block above is one; nothing prepared, for poolers in transaction mode.
        connection = await AsyncConnection[DictRow].connect(
            conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row
        )
        async with connection:
            yield connection
    except psycopg.OperationalError as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise DatabaseUnavailable(
            f"The database does not answer: {reason}.", fix="Check MOTIF_DATABASE_URL, or run `motif doctor`."
        ) from error
