"""Indexing some patterns anew, in the transaction that changed what they say."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from service.matching.embed import Embedder
from service.matching.indexing import index_text, prepare, write_index
from service.matching.model import active_model
from service.storage import erasure, search
from service.storage.database import Connection

EMBED_BATCH = 64


async def reindex(connection: Connection, embedder: Embedder | None, project_id: UUID, ids: Sequence[UUID]) -> None:
    """Write the search rows of these patterns again; needs Role.SERVICE.

    Where the embedder is not the one that is searched with, they are found by words until the next rebuild: what has to
    go must not wait for a model.
    """
    if not ids:
        return
    await search.hold_models(connection)
    active = await search.active_model(connection)
    if active is None:
        model_id = await active_model(connection, embedder)
    else:
        model_id = active.id
        if embedder is not None and embedder.model_id != active.name:
            embedder = None
    rows = await erasure.indexable(connection, project_id, ids)
    for start in range(0, len(rows), EMBED_BATCH):
        batch = rows[start : start + EMBED_BATCH]
        texts = [
            index_text(
                row["name"],
                row["description"],
                row["content"],
                # The quotes of one that was brought along or written are its own words.
                () if row["extraction_method"] == "manual" else row["quotes"],
            )
            for row in batch
        ]
        indexed = await asyncio.to_thread(prepare, texts, embedder)
        entries = [(row["id"], entry) for row, entry in zip(batch, indexed, strict=True)]
        await write_index(connection, project_id, model_id, entries, replace=[row["id"] for row in batch])
