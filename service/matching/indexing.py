"""A pattern's text as the search sees it: its vector and its terms, made outside the transaction, written inside."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from service.matching.embedder import Embedder
from service.matching.gist import gists
from service.matching.words import count
from service.storage import search
from service.storage.database import Connection
from service.storage.permission import Origin

# Quotes that lend a pattern their words; more of them drown what it says itself.
QUOTES = 8
_MOST = 32_767  # a smallint


class IndexText(msgspec.Struct, frozen=True):
    """What a pattern is found by."""

    name: str
    body: str


class Indexed(msgspec.Struct, frozen=True):
    """What is written for a pattern: `terms` maps a term to how often it stands in the name and in the body."""

    vector: NDArray[np.float32] | None
    terms: Mapping[str, tuple[int, int]]
    length_name: int
    length_body: int


def index_text(name: str, description: str, content: Mapping[str, Any], quotes: Iterable[str] = ()) -> IndexText:
    """Name and body of a pattern; content is that of `patterns.content`."""
    said = [description]
    for key in ("problem", "solution", "context", "steps", "recommendations"):
        value = content.get(key) or ()
        said.extend([value] if isinstance(value, str) else value)
    said.extend(list(quotes)[:QUOTES])
    lines = dict.fromkeys(line.strip() for line in said if line.strip())
    return IndexText(name, "\n".join(lines))


def stored_text(row: Mapping[str, Any]) -> IndexText:
    """What a stored pattern is found by: name, description, content, quotes and extraction_method of its row."""
    # The quotes of one that was brought along or written are its own words, which stand in its body already.
    quotes = () if row["extraction_method"] == "manual" else row["quotes"]
    return index_text(row["name"], row["description"], row["content"], quotes)


async def prepare(
    texts: Sequence[IndexText], embedder: Embedder | None, origins: Sequence[Origin], *, wait_s: float | None = None
) -> list[Indexed]:
    """Vectors and terms of patterns, each with whose words it is; slow, and at a vendor never within a transaction."""
    made: Sequence[NDArray[np.float32] | None] = [None] * len(texts)
    if embedder is not None:
        pairs = [(text.name, text.body) for text in texts]
        made = (await gists(embedder, pairs, origins, wait_s=wait_s)).vectors
    return await asyncio.to_thread(_all_indexed, texts, made)


async def write_index(
    connection: Connection,
    project_id: UUID,
    model_id: int,
    entries: Sequence[tuple[UUID, Indexed]],
    *,
    replace: Sequence[UUID] = (),
) -> None:
    """Write patterns into the search tables, in the transaction that writes the patterns themselves."""
    if replace:
        await search.delete_indexed(connection, project_id, replace)
    await search.insert_indexed(
        connection,
        [
            {
                "model_id": model_id,
                "project_id": project_id,
                "pattern_id": pattern_id,
                "embedding": None if entry.vector is None else HalfVector(entry.vector),
                "length_name": entry.length_name,
                "length_body": entry.length_body,
            }
            for pattern_id, entry in entries
        ],
    )
    await search.insert_terms(
        connection,
        project_id,
        [
            {"term": term, "pattern_id": str(pattern_id), "in_name": in_name, "in_body": in_body}
            for pattern_id, entry in entries
            for term, (in_name, in_body) in entry.terms.items()
        ],
    )


def _all_indexed(texts: Sequence[IndexText], vectors: Sequence[NDArray[np.float32] | None]) -> list[Indexed]:
    return [_indexed(text, vector) for text, vector in zip(texts, vectors, strict=True)]


def _indexed(text: IndexText, vector: NDArray[np.float32] | None) -> Indexed:
    name, body = count(text.name), count(text.body)
    counted = {term: (min(name[term], _MOST), min(body[term], _MOST)) for term in {**name, **body}}
    return Indexed(vector, counted, min(name.total(), _MOST), body.total())
