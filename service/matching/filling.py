"""Giving a vector to patterns that have none: written where nothing is sent, or while a vendor could not be asked."""

from collections.abc import Callable, Sequence
from itertools import groupby
from uuid import UUID

import msgspec
from pgvector import HalfVector

from service.matching.embedder import Embedded, Embedder
from service.matching.gist import gists
from service.matching.indexing import stored_text
from service.matching.model import keep_model
from service.matching.vendor_embedder import VendorEmbedder
from service.storage import erasure, search
from service.storage.database import Database, Role
from service.storage.permission import allows, of_patterns

BATCH = 128


class Filled(msgspec.Struct, frozen=True):
    """Patterns that were `given` a vector, those still without one, and why."""

    given: int = 0
    lacking: int = 0
    why: str | None = None


def _untold(_done: int, _total: int) -> None:
    return


async def fill(
    database: Database,
    embedder: Embedder | None,
    project_id: UUID | None = None,
    *,
    progress: Callable[[int, int], None] = _untold,
) -> Filled:
    """Embed what has no vector at a vendor, of one project or of all, batch by batch, each kept as it is made.

    Only for vendors: a model in this process embeds everything at once. Stops at the first that keeps a text whose
    words may be sent from having a vector; a later call goes on.
    """
    if embedder is None or not embedder.at_vendor:
        return Filled()
    async with database.transaction(Role.SERVICE) as connection:
        active = await search.active_model(connection)
        if active is None or active.name != embedder.model_id:
            return Filled()
        rows = await search.lacking(connection, active.id, project_id)
    given, done, why = 0, 0, None
    for project, group in groupby(rows, key=lambda row: row["project_id"]):
        for batch in _batches(list(group)):
            progress(done, len(rows))
            done += len(batch)
            made, embedded = await _fill(database, embedder, active.id, project, batch)
            given += made
            why = embedded.why or why
            if embedded.stopped:
                return Filled(given, len(rows) - given, why)
    progress(done, len(rows))
    return Filled(given, len(rows) - given, why)


async def held_back(database: Database, embedder: Embedder | None) -> int:
    """How many of the patterns without a vector will have none, since their sources do not allow the vendor."""
    if not isinstance(embedder, VendorEmbedder) or not embedder.needs_permission:
        return 0
    count = 0
    async with database.transaction(Role.SERVICE) as connection:
        active = await search.active_model(connection)
        rows = await search.lacking(connection, active.id) if active and active.name == embedder.model_id else []
        for project, group in groupby(rows, key=lambda row: row["project_id"]):
            origins = await of_patterns(connection, project, [row["pattern_id"] for row in group])
            count += sum(not allows(origin.vendors, embedder.vendor) for origin in origins.values())
    return count


async def _fill(
    database: Database, embedder: Embedder, model_id: int, project_id: UUID, batch: Sequence[search.Row]
) -> tuple[int, Embedded]:
    ids = [row["pattern_id"] for row in batch]
    async with database.transaction(Role.SERVICE) as connection:
        origins = await of_patterns(connection, project_id, ids)
        texts = {row["id"]: stored_text(row) for row in await erasure.indexable(connection, project_id, ids)}
    there = [row for row in batch if row["pattern_id"] in texts]
    pairs = [(texts[row["pattern_id"]].name, texts[row["pattern_id"]].body) for row in there]
    embedded = await gists(embedder, pairs, [origins[row["pattern_id"]] for row in there])
    new = [
        {**row, "model_id": model_id, "embedding": HalfVector(vector)}
        for row, vector in zip(there, embedded.vectors, strict=True)
        if vector is not None
    ]
    if not new:
        return 0, embedded
    async with database.transaction(Role.SERVICE) as connection:
        await keep_model(connection, model_id)
        return await search.give_vectors(connection, new), embedded


def _batches(rows: Sequence[search.Row]) -> list[Sequence[search.Row]]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
