"""From the settings to an open database: the embedded one or a given one, migrated."""

import asyncio

from service.errors import ConfigurationError
from service.local_postgres.server import LocalPostgres, open_local
from service.settings import Settings
from service.storage.database import Caller, Database, Role
from service.storage.migrate import migrate
from service.storage.projects import user_exists


async def open_database(settings: Settings, *, application: str = "motif") -> Database:
    """Start the embedded Postgres if it is the one to use, migrate, and connect as the service.

    Raises what is under DatabaseError and DataFolderError.
    """
    local: LocalPostgres | None = None
    if settings.database_url is None:
        local = await asyncio.to_thread(open_local, settings)
    try:
        admin_url = local.url() if local else str(settings.admin_url)
        await migrate(admin_url)
        database = Database(
            local.url("motif_service") if local else str(settings.database_url),
            pool_size=settings.database_pool_size,
            application=application,
            pooled=settings.pooled,
            revive=local.ensure_running if local else None,
            release=local.close if local else None,
            scrub=local.scrub if local else None,
        )
        await database.open()
    except BaseException:
        if local:
            await asyncio.to_thread(local.close)
        raise
    return database


async def caller_of(settings: Settings, database: Database) -> Caller:
    """Whom the command line and the loopback API act as; raises ConfigurationError when nobody has that id."""
    caller = Caller(settings.user_id)
    async with database.transaction(Role.SERVICE) as connection:
        if not await user_exists(connection, caller):
            raise ConfigurationError(
                f"Nobody in this database has the id {caller.user_id}.",
                fix="Set MOTIF_USER_ID to the id of your user (in Supabase: Authentication, Users).",
            )
    return caller
