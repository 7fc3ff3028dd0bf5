"""Indexing some patterns anew, in the transaction that changed what they say."""

from collections.abc import Sequence
from uuid import UUID

from service.matching.embedder import Embedder
from service.matching.indexing import prepare, stored_text, write_index
from service.matching.model import active_model
from service.storage import erasure, search
from service.storage.database import Connection
from service.storage.permission import Origin

EMBED_BATCH = 64


async def reindex(connection: Connection, embedder: Embedder | None, project_id: UUID, ids: Sequence[UUID]) -> None:
    """Write the search rows of these patterns again; needs Role.SERVICE.

    Where the embedder is not the one that is searched with, they are found by words until the next rebuild: what has to
    go must not wait for a model. For the same reason nothing is sent to a vendor from here: see filling.py.
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
    if embedder is not None and embedder.at_vendor:
        embedder = None
    rows = await erasure.indexable(connection, project_id, ids)
    for start in range(0, len(rows), EMBED_BATCH):
        batch = rows[start : start + EMBED_BATCH]
        texts = [stored_text(row) for row in batch]
        indexed = await prepare(texts, embedder, [Origin()] * len(texts))
        entries = [(row["id"], entry) for row, entry in zip(batch, indexed, strict=True)]
        await write_index(connection, project_id, model_id, entries, replace=[row["id"] for row in batch])
