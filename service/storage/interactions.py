"""Interactions: storing what came in, reading it back, and the vectors of their texts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.types.json import Jsonb

from service.storage.database import Connection, only_row
from service.storage.queries import load
from service.storage.sources import Source

SQL = load("interactions")
Row = dict[str, Any]


async def insert_interactions(
    connection: Connection, source: Source, rows: Sequence[Mapping[str, Any]], *, priority: str, state: str = "received"
) -> dict[tuple[str, str], UUID]:
    """Store new revisions of one source; repeats change nothing.

    `rows` hold kind, external_key, revision, author_key, occurred_at (ISO 8601), text, metadata, and emergency where it
    is one. Returns the ids of those that were new, by (external_key, revision).
    """
    cursor = await connection.execute(
        SQL["insert_interactions"],
        {
            "project_id": source.project_id,
            "source_id": source.id,
            "rows": Jsonb(list(rows)),
            "priority": priority,
            "state": state,
        },
    )
    return {(row["external_key"], row["revision"]): row["id"] for row in await cursor.fetchall()}


async def known_keys(connection: Connection, source: Source) -> set[str]:
    """External keys that the source has already."""
    cursor = await connection.execute(SQL["known_keys"], {"project_id": source.project_id, "source_id": source.id})
    return {row["external_key"] for row in await cursor.fetchall()}


async def waiting(connection: Connection, project_id: UUID) -> int:
    """How many commits of a project wait to be learned from."""
    cursor = await connection.execute(SQL["waiting"], {"project_id": project_id})
    row = await cursor.fetchone()
    return row["waiting"] if row else 0


async def history(connection: Connection, project_id: UUID) -> list[Row]:
    """Every commit of a project, oldest first."""
    cursor = await connection.execute(SQL["history"], {"project_id": project_id})
    return await cursor.fetchall()


async def one(connection: Connection, interaction_id: UUID) -> Row | None:
    """One interaction with its source, or None."""
    cursor = await connection.execute(SQL["one"], {"id": interaction_id})
    return await cursor.fetchone()


async def begin_attempt(connection: Connection, interaction_id: UUID) -> bool:
    """Claim an interaction; False when it is done already."""
    cursor = await connection.execute(SQL["begin_attempt"], {"id": interaction_id})
    return await cursor.fetchone() is not None


async def finish(
    connection: Connection, project_id: UUID, ids: Iterable[UUID], state: str, error: str | None = None
) -> None:
    """Mark interactions done, ignored or failed."""
    await connection.execute(
        SQL["finish"], {"project_id": project_id, "ids": list(ids), "state": state, "error": error}
    )


async def embeddings(connection: Connection, project_id: UUID, model_id: int) -> dict[UUID, NDArray[np.float32]]:
    """The vectors a project's interactions have under a model."""
    cursor = await connection.execute(SQL["embeddings"], {"project_id": project_id, "model_id": model_id})
    return {row["interaction_id"]: row["embedding"].to_numpy().astype(np.float32) for row in await cursor.fetchall()}


async def insert_embeddings(
    connection: Connection, project_id: UUID, model_id: int, vectors: Iterable[tuple[UUID, NDArray[np.float32]]]
) -> None:
    """Keep vectors, rounded to half precision."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL["insert_embedding"],
            [
                {
                    "model_id": model_id,
                    "project_id": project_id,
                    "interaction_id": interaction_id,
                    "embedding": HalfVector(vector),
                }
                for interaction_id, vector in vectors
            ],
        )


async def erased(connection: Connection, project_id: UUID, ids: Iterable[UUID]) -> int:
    """How many of these interactions are not there any more."""
    row = await only_row(await connection.execute(SQL["erased"], {"project_id": project_id, "ids": list(ids)}))
    return int(row["erased"])


async def lock_learning(connection: Connection, project_id: UUID, *, wait: bool = True) -> bool:
    """Take the project's learning lock until the transaction ends; without `wait` False when somebody holds it."""
    if wait:
        await connection.execute(SQL["lock_learning"], {"project_id": project_id})
        return True
    cursor = await connection.execute(SQL["try_lock_learning"], {"project_id": project_id})
    row = await cursor.fetchone()
    return bool(row and row["taken"])


async def lock_processing(connection: Connection, interaction_id: UUID, *, wait: bool = True) -> bool:
    """Take an interaction's lock until the transaction ends; without `wait` False when somebody holds it."""
    if wait:
        await connection.execute(SQL["lock_processing"], {"id": interaction_id})
        return True
    row = await only_row(await connection.execute(SQL["try_lock_processing"], {"id": interaction_id}))
    return bool(row["taken"])


async def id_of(connection: Connection, source: Source, external_key: str, revision: str) -> UUID:
    """The id of a revision that is stored."""
    cursor = await connection.execute(
        SQL["id_of"],
        {
            "project_id": source.project_id,
            "source_id": source.id,
            "external_key": external_key,
            "revision": revision,
        },
    )
    row = await only_row(cursor)
    return row["id"]


async def replace_unredacted(
    connection: Connection, interaction_id: UUID, text: str, metadata: Mapping[str, Any]
) -> None:
    """Put the redacted text and metadata in the place of what a team client handed in."""
    await connection.execute(SQL["redact"], {"id": interaction_id, "text": text, "metadata": Jsonb(dict(metadata))})
