"""Embedding every stored pattern anew, after the model was changed."""

from collections.abc import Callable, Mapping
from itertools import groupby
from uuid import UUID

import msgspec

from service.errors import EmbeddingUnavailable
from service.matching.embedder import Embedder, Vector
from service.matching.gist import gists
from service.matching.indexing import Indexed, IndexText, prepare, stored_text, write_index
from service.matching.model import NO_MODEL
from service.matching.vendor_embedder import VendorEmbedder
from service.storage import search
from service.storage.database import Connection, Database, Role
from service.storage.permission import Origin, of_patterns

EMBED_BATCH = 64

Asked = Mapping[tuple[UUID, IndexText], Vector]
"""Vectors by pattern and by what it said when it was asked for."""


async def rebuild(database: Database, embedder: Embedder | None, *, progress: Callable[[int, int], None]) -> int:
    """Index all patterns of the installation under the embedder's model, in one transaction; returns how many.

    A vendor is asked before that transaction; what it gives no vector for is found by words. Raises
    EmbeddingUnavailable, and leaves everything as it is, where it gives none at all.
    """
    asked: Asked = {}
    if isinstance(embedder, VendorEmbedder):
        asked = await _ask(database, embedder, progress)
    here = None if embedder is None or embedder.at_vendor else embedder
    async with database.transaction(Role.SERVICE) as connection:
        await search.lock_models(connection)
        rows = await search.indexable(connection)
        indexed: list[Indexed] = []
        for start in range(0, len(rows), EMBED_BATCH):
            if here is not None:
                progress(start, len(rows))
            batch = rows[start : start + EMBED_BATCH]
            texts = [stored_text(row) for row in batch]
            entries = await prepare(texts, here, [Origin()] * len(batch))
            for row, text, entry in zip(batch, texts, entries, strict=True):
                vector = asked.get((row["id"], text))
                indexed.append(entry if vector is None else msgspec.structs.replace(entry, vector=vector))
        progress(len(rows), len(rows))
        model_id = await _register(connection, embedder)
        await search.activate_model(connection, model_id)
        for project_id, group in groupby(zip(rows, indexed, strict=True), key=lambda pair: pair[0]["project_id"]):
            entries = [(row["id"], entry) for row, entry in group]
            await write_index(
                connection, project_id, model_id, entries, replace=[pattern_id for pattern_id, _ in entries]
            )
        await search.drop_interaction_vectors(connection, model_id)
    async with database.transaction(Role.SERVICE) as connection:
        await search.refresh_statistics(connection)
    return len(rows)


async def _ask(database: Database, embedder: VendorEmbedder, progress: Callable[[int, int], None]) -> Asked:
    """Have the vendor embed what it may see, project by project."""
    embedder.begin_anew()
    async with database.transaction(Role.SERVICE) as connection:
        rows = await search.indexable(connection)
    found: dict[tuple[UUID, IndexText], Vector] = {}
    for start in range(0, len(rows), EMBED_BATCH):
        progress(start, len(rows))
        batch = rows[start : start + EMBED_BATCH]
        # Asked anew for each batch: what a source denies from now on is not sent from now on.
        origins: dict[UUID, Origin] = {}
        async with database.transaction(Role.SERVICE) as connection:
            for project_id, group in groupby(batch, key=lambda row: row["project_id"]):
                origins |= await of_patterns(connection, project_id, [row["id"] for row in group])
        texts = [stored_text(row) for row in batch]
        embedded = await gists(embedder, [(t.name, t.body) for t in texts], [origins[row["id"]] for row in batch])
        for row, text, vector in zip(batch, texts, embedded.vectors, strict=True):
            if vector is not None:
                found[row["id"], text] = vector
        if embedded.stopped:
            if not found:
                raise EmbeddingUnavailable(
                    f"{embedder.model_id} gives no vectors ({embedded.why}); the stored ones are left as they are.",
                    fix="See `motif models doctor` and `motif budget show`.",
                )
            break
    return found


async def _register(connection: Connection, embedder: Embedder | None) -> int:
    if isinstance(embedder, VendorEmbedder) and embedder.dimension is not None:
        await search.know_model(connection, embedder.model_id, embedder.dimension, embedder.answered_as, anew=True)
    return await search.register_model(
        connection, embedder.model_id if embedder else NO_MODEL, embedder.dimension if embedder else None
    )
