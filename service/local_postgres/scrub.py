"""Rewrites the embedded database's files, so that what was erased does not live on in pages, samples and segments.

A deleted row's bytes stay in its page, in TOAST, in indexes, in the samples that the planner keeps, and in the
write-ahead log, until something else is written there.
"""

from pathlib import Path

import psycopg
from psycopg import sql

from service.errors import DatabaseUnavailable

_TRIES = 3


def scrub(url: str) -> None:
    """Rewrite every table with its indexes, then the samples, then go on to a new segment and drop the old ones.

    Takes seconds for a small database; each table is locked while it is written. `url` is the administrator's. Raises
    DatabaseUnavailable when somebody keeps a table to themselves for longer than three times five seconds.
    """
    queries = _queries()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(queries["patience"])
            connection.execute(queries["forget_statistics"])
            for (name,) in connection.execute(queries["tables"]).fetchall():
                _rewrite(connection, f"vacuum (full, analyze) {name}")
            for (name,) in connection.execute(queries["partitioned"]).fetchall():
                _rewrite(connection, f"analyze {name}")
            for (name,) in connection.execute(queries["catalogs"]).fetchall():
                _rewrite(connection, f"vacuum (full) {name}")
            connection.execute(queries["checkpoint"])
            [(ahead,)] = connection.execute(queries["segments_ahead"]).fetchall()
            for _ in range(ahead + 1):
                connection.execute(queries["next_segment"])
            connection.execute(queries["checkpoint"])
    except psycopg.OperationalError as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise DatabaseUnavailable(
            f"The database's files could not be rewritten: {reason}.", fix="Run `motif db scrub` when less is going on."
        ) from error


def _rewrite(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    """Names come from the catalog, already quoted. A table that is gone by now needs nothing."""
    for attempt in range(1, _TRIES + 1):
        try:
            connection.execute(sql.SQL(statement))  # pyright: ignore[reportArgumentType]
        except psycopg.errors.UndefinedTable:
            return
        except psycopg.errors.LockNotAvailable:
            if attempt == _TRIES:
                raise
        else:
            return


def _queries() -> dict[str, bytes]:
    """The statements of scrub.sql by name."""
    parts = (Path(__file__).parent / "scrub.sql").read_bytes().split(b"-- name: ")[1:]
    return {name.strip().decode(): body for name, _, body in (part.partition(b"\n") for part in parts)}
