"""Applies bootstrap.sql, what Supabase would have provided: to the embedded database, or to an empty plain one."""

import asyncio
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from service.errors import DatabaseUnavailable, DatabaseUnfit, SchemaCollision

# As in the last statement of bootstrap.sql.
_MARK = "motif bootstrap 1"
_FOLDER = Path(__file__).parent


async def bootstrap(conninfo: str) -> bool:
    """Give an empty plain Postgres what Supabase would have provided; False if it has it already.

    Raises DatabaseUnavailable, SchemaCollision if the database is not empty, DatabaseUnfit if the role is no
    superuser or pgvector is not installed there.
    """
    return await asyncio.to_thread(apply_bootstrap, conninfo)


def apply_bootstrap(conninfo: str) -> bool:
    """The same, for callers without an event loop."""
    try:
        with psycopg.connect(conninfo) as connection:
            return _apply(connection)
    except psycopg.errors.UndefinedFile as error:
        raise DatabaseUnfit(
            "pgvector is not installed on this server.", fix="Install it there, then try again."
        ) from error
    except psycopg.errors.FeatureNotSupported as error:  # what Postgres 16 and later say of a missing extension
        raise DatabaseUnfit(
            "pgvector is not installed on this server.", fix="Install it there, then try again."
        ) from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"The database cannot be reached: {str(error).splitlines()[0]}.", fix="Check the URL and that it runs."
        ) from error


def _apply(connection: psycopg.Connection[TupleRow]) -> bool:
    [(mark, superuser, relations)] = connection.execute((_FOLDER / "bootstrap_state.sql").read_bytes()).fetchall()
    if mark == _MARK:
        return False
    if relations and not mark.startswith("motif bootstrap"):
        raise SchemaCollision(
            f"The database is not empty, it holds {', '.join(relations)}.",
            fix="The bootstrap is for an empty database of Motif's own: create one and name that.",
        )
    if not superuser:
        raise DatabaseUnfit(
            "The bootstrap makes roles and a publication, which this role may not.",
            fix="Run it as a superuser, for instance postgres.",
        )
    connection.execute((_FOLDER / "bootstrap.sql").read_bytes())
    return True
