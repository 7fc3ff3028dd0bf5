"""Embedding every stored pattern anew, after the model was changed."""

import asyncio
from collections.abc import Callable
from itertools import groupby
from uuid import UUID

from service.matching.embed import Embedder
from service.matching.indexing import Indexed, index_text, prepare, write_index
from service.matching.model import NO_MODEL
from service.storage import search
from service.storage.database import Database, Role

EMBED_BATCH = 64


async def rebuild(database: Database, embedder: Embedder | None, *, progress: Callable[[int, int], None]) -> int:
    """Index all patterns of the installation under the embedder's model, in one transaction; returns how many."""
    async with database.transaction(Role.SERVICE) as connection:
        await search.lock_models(connection)
        rows = await search.indexable(connection)
        indexed: list[Indexed] = []
        for start in range(0, len(rows), EMBED_BATCH):
            progress(start, len(rows))
            texts = [
                index_text(
                    row["name"],
                    row["description"],
                    row["content"],
                    # An imported pattern's quotes are its own words, which stand in its body already.
                    () if row["extraction_method"] == "manual" else row["quotes"],
                )
                for row in rows[start : start + EMBED_BATCH]
            ]
            indexed.extend(await asyncio.to_thread(prepare, texts, embedder))
        progress(len(rows), len(rows))
        model_id = await search.register_model(
            connection, embedder.model_id if embedder else NO_MODEL, embedder.dimension if embedder else None
        )
        await search.activate_model(connection, model_id)
        for project_id, group in groupby(zip(rows, indexed, strict=True), key=lambda pair: pair[0]["project_id"]):
            entries: list[tuple[UUID, Indexed]] = [(row["id"], entry) for row, entry in group]
            await write_index(
                connection, project_id, model_id, entries, replace=[pattern_id for pattern_id, _ in entries]
            )
        await search.drop_interaction_vectors(connection, model_id)
    async with database.transaction(Role.SERVICE) as connection:
        await search.refresh_statistics(connection)
    return len(rows)
