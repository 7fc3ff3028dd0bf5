"""Usage: each time a pattern was put to use, and what came of it. A trigger feeds the statistics."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from service.errors import Conflict
from service.storage.database import Caller, Connection
from service.storage.pattern_pages import no_pattern
from service.storage.queries import load
from service.storage.refusals import in_our_words

SQL = load("usage")
Row = dict[str, Any]


async def insert_usage(
    connection: Connection, caller: Caller, project_id: UUID, pattern_id: UUID, usage: Mapping[str, Any]
) -> tuple[Row, bool]:
    """Store one usage; returns its row and whether it is new. The same again under its key is the row that is there.

    `usage`: idempotency_key, session_id, context, outcome, duration_ms, quality_results, performance_score,
    effectiveness_score, error, started_at (None: now). Raises Conflict where the key came with something else, NotFound
    for a pattern that is gone.
    """
    values = {
        **usage,
        "context": Jsonb(usage["context"]),
        "quality_results": Jsonb(usage["quality_results"]),
        "project_id": project_id,
        "pattern_id": pattern_id,
        "user_id": caller.user_id,
    }
    with in_our_words({"pattern_usage_project_id_pattern_id_fkey": no_pattern()}):
        cursor = await connection.execute(SQL["insert_usage"], values)
    row = await cursor.fetchone()
    if row is not None:
        return row, True
    # Of two at once the second one waited for the first: it sees it now.
    cursor = await connection.execute(SQL["same_key"], values)
    row = await cursor.fetchone()
    if row is None:
        raise no_pattern()
    if not row.pop("same"):
        raise Conflict(
            "That idempotency key came with another usage before.",
            fix="Use a new key for each usage, the same to repeat.",
        )
    return row, False


async def page_of_usage(
    connection: Connection, project_id: UUID, pattern_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None
) -> list[Row]:
    """Usages of a pattern, newest first, one more than `limit` where there are more."""
    moment, last = after or (None, None)
    cursor = await connection.execute(
        SQL["page_of_usage"],
        {"project_id": project_id, "pattern_id": pattern_id, "limit": limit + 1, "moment": moment, "last": last},
    )
    return await cursor.fetchall()
