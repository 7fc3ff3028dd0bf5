"""Reading a whole project line by line, in one snapshot and bounded memory."""

from collections.abc import AsyncGenerator
from uuid import UUID

from service.storage.database import Connection
from service.storage.queries import load

SQL = load("project_export")

# Rows that the driver holds at a time: an interaction may have megabytes.
_AT_ONCE = 20


async def lines(connection: Connection, project_id: UUID) -> AsyncGenerator[tuple[str, bool]]:
    """Each line as JSON, and whether it is an interaction that is not redacted yet."""
    async with connection.cursor("project_export") as cursor:
        cursor.itersize = _AT_ONCE
        await cursor.execute(SQL["lines"], {"project_id": project_id})
        async for row in cursor:
            yield row["line"], row["raw"]
