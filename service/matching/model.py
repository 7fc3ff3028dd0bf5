"""Which embedding model the stored patterns belong to, and the refusal to mix two."""

from service.errors import EmbeddingModelChanged
from service.matching.embedder import Embedder
from service.storage import search
from service.storage.database import Connection

NO_MODEL = "none"


async def active_model(connection: Connection, embedder: Embedder | None) -> int:
    """Id of the model to store and search under; needs Role.SERVICE, since it may register one.

    Without an embedder the stored rows are searched by words. Raises EmbeddingModelChanged when patterns are stored
    under another model than the embedder's.
    """
    active = await search.active_model(connection)
    name = embedder.model_id if embedder else NO_MODEL
    if active is not None and (active.name == name or embedder is None):
        return active.id
    if active is not None and (rows := await search.count_rows(connection)):
        raise EmbeddingModelChanged(
            f"{rows} patterns are stored with the embedding model {active.name!r}, but {name!r} is set.",
            fix=f"Run `motif embeddings rebuild`, or set MOTIF_EMBEDDING_MODEL={active.name}.",
        )
    model_id = await search.register_model(connection, name, embedder.dimension if embedder else None)
    await search.activate_model(connection, model_id)
    return model_id


async def keep_model(connection: Connection, model_id: int) -> None:
    """Hold off a rebuild until this transaction ends; EmbeddingModelChanged if one came since the model was asked for.

    Without it, rows would be written under a model that nobody searches any more.
    """
    await search.hold_models(connection)
    active = await search.active_model(connection)
    if active is None or active.id != model_id:
        raise EmbeddingModelChanged("The embedding model was changed meanwhile.", fix="Run the command again.")
