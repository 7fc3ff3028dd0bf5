"""Rewriting the embedded database's files now, instead of by the job that waits for it."""

from service.errors import ConfigurationError
from service.storage import erasure
from service.storage.database import Database, Role


async def scrub_now(database: Database) -> None:
    """Rewrite the files without what was erased up to now; takes seconds for a small database.

    Raises ConfigurationError for a database whose files are others', DatabaseUnavailable when somebody keeps a table to
    themselves for too long: then a job tries again.
    """
    if not database.embedded:
        raise ConfigurationError(
            "The files of this database are not Motif's to rewrite.",
            fix="docs/erasure.md says what whoever runs it does.",
        )
    async with database.transaction(Role.SERVICE) as connection:
        await erasure.drop_waiting_scrubs(connection)
    try:
        await database.scrub()
    except BaseException:
        async with database.transaction(Role.SERVICE) as connection:
            await erasure.defer_scrub(connection, 0.0)
        raise
