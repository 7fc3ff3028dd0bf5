"""Reading a whole project line by line, in one snapshot and bounded memory."""

from collections.abc import AsyncGenerator
from uuid import UUID

import psycopg

from service.errors import RequestInvalid
from service.storage.database import Connection
from service.storage.queries import load

SQL = load("project_export")

# Rows that the driver holds at a time: an interaction may have megabytes.
_AT_ONCE = 20


async def lines(connection: Connection, project_id: UUID, *, patience_s: float) -> AsyncGenerator[tuple[str, bool]]:
    """Each line as JSON, and whether it is an interaction that is not redacted yet.

    Whoever takes no line for `patience_s` gets no more: the session is ended, and the next line raises RequestInvalid.
    """
    await connection.execute(SQL["do_not_wait_for_ever"], {"milliseconds": str(round(patience_s * 1000))})
    async with connection.cursor("project_export") as cursor:
        cursor.itersize = _AT_ONCE
        await cursor.execute(SQL["lines"], {"project_id": project_id})
        try:
            async for row in cursor:
                yield row["line"], row["raw"]
        except psycopg.errors.IdleInTransactionSessionTimeout:
            raise RequestInvalid(
                f"Nobody took a line of the export for {patience_s:g} s.", fix="Export it again, and read on."
            ) from None
