"""Where hand-written patterns come from: one private source a project, which holds what people wrote themselves."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from service.storage.database import Connection, only_row
from service.storage.queries import load
from service.storage.sources import Source

SQL = load("own_words")
Row = dict[str, Any]


async def own_words_source(connection: Connection, project_id: UUID) -> Source:
    """The project's source of hand-written patterns, made if it is missing."""
    await connection.execute(SQL["make_source"], {"project_id": project_id})
    row = await only_row(await connection.execute(SQL["source"], {"project_id": project_id}))
    return Source(row["id"], project_id, row["kind"], row["name"], row["visibility"])


async def rests_on_own_words(connection: Connection, project_id: UUID, pattern_id: UUID) -> bool:
    """Whether what somebody wrote themselves is among a pattern's evidence."""
    cursor = await connection.execute(SQL["rests"], {"project_id": project_id, "id": pattern_id})
    return await cursor.fetchone() is not None


async def placed(connection: Connection, project_id: UUID, quotes: Sequence[Mapping[str, Any]]) -> list[Row]:
    """For each quote (interaction_id, char_start, char_end, quote), in order, whether it can be evidence.

    Rows hold `found` (such an interaction of the project, seen by the caller), `readable` (redacted already), `stands`,
    and the interaction's repository, visibility and link.
    """
    cursor = await connection.execute(SQL["placed"], {"project_id": project_id, "rows": Jsonb(list(quotes))})
    return await cursor.fetchall()
