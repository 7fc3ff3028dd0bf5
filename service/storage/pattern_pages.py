"""Reading patterns and what belongs to them, page by page. Pages hold one row more than asked where there are more."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from service.errors import NotFound
from service.storage.database import Connection
from service.storage.queries import load

SQL = load("pattern_pages")
Row = dict[str, Any]

Order = Literal["confidence", "updated"]


class PatternFilter(msgspec.Struct, frozen=True):
    """Which patterns a list is of; None does not narrow. `tags`: a pattern has all of them; `name`: a part of it."""

    project_id: UUID | None = None
    status: str | None = None
    pattern_type: str | None = None
    tags: tuple[str, ...] = ()
    extraction_method: str | None = None
    min_confidence: float | None = None
    validation_status: str | None = None
    updated_after: datetime | None = None
    name: str | None = None


async def pattern(connection: Connection, pattern_id: UUID, *, changing: bool = False) -> Row:
    """A pattern with its content; with `changing` its row is held until the transaction ends.

    Raises NotFound, the same for one that is not there and one of others. To hold the row, the caller must be allowed
    to change it, else it is not found.
    """
    cursor = await connection.execute(SQL["pattern_to_change" if changing else "pattern"], {"id": pattern_id})
    row = await cursor.fetchone()
    if row is None:
        raise no_pattern()
    return row


def no_pattern() -> NotFound:
    """The same answer for a pattern that is not there and for one of others."""
    return NotFound(
        "There is no such pattern, or not for this caller.",
        fix="`motif patterns list` shows yours (GET /api/v1/patterns).",
    )


async def page_of_patterns(
    connection: Connection,
    wanted: PatternFilter,
    *,
    order: Order,
    limit: int,
    after: tuple[float, UUID] | tuple[datetime, UUID] | None,
) -> list[Row]:
    """Patterns the caller sees: the most certain first, or those changed last first; `after` is of the same order."""
    first, last = after or (None, None)
    values = {**msgspec.structs.asdict(wanted), "tags": list(wanted.tags)}
    cursor = await connection.execute(SQL[f"by_{order}"], {**values, "first": first, "last": last, "limit": limit + 1})
    return await cursor.fetchall()


async def stats(connection: Connection, project_id: UUID, pattern_id: UUID) -> Row:
    """How a pattern has fared, with its last 30 days; raises NotFound."""
    cursor = await connection.execute(SQL["stats"], {"project_id": project_id, "id": pattern_id})
    row = await cursor.fetchone()
    if row is None:
        raise no_pattern()
    return row


async def page_of_evidence(
    connection: Connection, project_id: UUID, pattern_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None
) -> list[Row]:
    """Quotes that a pattern rests on, each with its interaction, oldest first."""
    first, last = after or (None, None)
    return await _page(connection, "evidence", project_id, pattern_id, limit, first=first, last=last)


async def page_of_versions(
    connection: Connection, project_id: UUID, pattern_id: UUID, *, limit: int, before: int | None
) -> list[Row]:
    """Versions of a pattern, newest first."""
    return await _page(connection, "versions", project_id, pattern_id, limit, first=before)


async def page_of_relationships(
    connection: Connection, project_id: UUID, pattern_id: UUID, *, limit: int, after: tuple[float, UUID] | None
) -> list[Row]:
    """What a pattern is related to, in either direction, the strongest first."""
    first, last = after or (None, None)
    return await _page(connection, "relationships", project_id, pattern_id, limit, first=first, last=last)


async def _page(
    connection: Connection, query: str, project_id: UUID, pattern_id: UUID, limit: int, **after: Any
) -> list[Row]:
    values = {"project_id": project_id, "id": pattern_id, "limit": limit + 1, **after}
    cursor = await connection.execute(SQL[query], values)
    return await cursor.fetchall()
