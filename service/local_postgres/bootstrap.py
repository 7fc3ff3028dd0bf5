"""Applies bootstrap.sql, what Supabase would have provided: to the embedded database, or to an empty plain one."""

import asyncio
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from service.errors import ConfigurationError, DatabaseUnavailable, DatabaseUnfit, SchemaCollision

# As in the last statement of bootstrap.sql.
_MARK = "motif bootstrap 1"
_FOLDER = Path(__file__).parent


async def bootstrap(conninfo: str) -> bool:
    """Give an empty plain Postgres what Supabase would have provided; False if it has it already.

    Raises ConfigurationError, DatabaseUnavailable, SchemaCollision if the database is not empty, DatabaseUnfit if
    the role is no superuser or pgvector is not installed there.
    """
    return await asyncio.to_thread(apply_bootstrap, conninfo)


def apply_bootstrap(conninfo: str) -> bool:
    """The same, for callers without an event loop."""
    try:
        conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:  # its message may quote the password
        raise ConfigurationError(
            "The URL of the database cannot be read.", fix="Write it as postgresql://user:password@host:5432/database."
        ) from None
    try:
        with psycopg.connect(conninfo) as connection:
            return _apply(connection)
    except (psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported) as error:
        # What Postgres says of an extension that is missing, up to 15 and since.
        raise DatabaseUnfit("The server has no pgvector.", fix="Install the extension `vector` there.") from error
    except psycopg.OperationalError as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise DatabaseUnavailable(
            f"The database does not answer: {reason}.", fix="Check the URL, and that the server runs."
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
