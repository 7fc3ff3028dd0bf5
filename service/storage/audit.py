"""The audit: who changed what and when, in ids. Written by triggers alone; read here."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.storage.database import Connection
from service.storage.queries import load

SQL = load("audit")


class AuditEntry(msgspec.Struct, frozen=True):
    """One change. `project_id` is null for the installation's own.

    `actor`: "user:<id>", "agent:<key id>" or "service". `action`: table and operation, "sources.update". `details`:
    values that may be told, for a change [before, after]; of names and settings only that they changed.
    """

    id: UUID
    project_id: UUID | None
    actor: str
    action: str
    target: str
    details: dict[str, Any]
    created_at: datetime


async def list_entries(
    connection: Connection, project_id: UUID | None, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[AuditEntry]:
    """Up to `limit` entries after a key, the newest first: of one project, or of all that the caller may read."""
    time, last = after or (None, None)
    cursor = await connection.execute(
        SQL["page"], {"project_id": project_id, "after_time": time, "after_id": last, "limit": limit}
    )
    return [AuditEntry(**row) for row in await cursor.fetchall()]
