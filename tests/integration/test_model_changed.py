"""Patterns stored under one embedding model and asked for with another: refused, until they are rebuilt."""

from pathlib import Path

import pytest
from mined import mine_lines, write_example
from rows import count

from service.errors import EmbeddingModelChanged
from service.matching.embed import Embedder
from service.matching.rebuild import rebuild
from service.matching.request import MatchRequest, MatchResponse
from service.matching.search import match
from service.storage.database import Caller, Database


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """300 commits of a real project."""
    return write_example(tmp_path / "history.jsonl", 300)


async def test_another_embedding_model_is_an_error_until_rebuilt(
    database: Database, caller: Caller, history: Path, embedder: Embedder
):
    await mine_lines(database, caller, history)
    names = {pattern.name for pattern in (await found(database, caller, None)).matched_patterns}

    with pytest.raises(EmbeddingModelChanged, match="motif embeddings rebuild"):
        await found(database, caller, embedder)
    with pytest.raises(EmbeddingModelChanged, match="motif embeddings rebuild"):
        await mine_lines(database, caller, history, embedder, project="another")

    rebuilt = await rebuild(database, embedder, progress=lambda _done, _total: None)
    assert rebuilt >= len(names)
    after = await found(database, caller, embedder)
    assert after.query_metadata.notes == []
    assert {pattern.name for pattern in after.matched_patterns} >= names
    assert all(pattern.similarity is not None for pattern in after.matched_patterns)

    # The other way round words are enough to find, and a rebuild without a model takes the vectors away.
    by_words = await found(database, caller, None)
    assert by_words.matched_patterns
    assert any("words alone" in note for note in by_words.query_metadata.notes)
    await rebuild(database, None, progress=lambda _done, _total: None)
    assert {pattern.name for pattern in (await found(database, caller, None)).matched_patterns} == names


async def test_a_refused_model_stores_nothing(
    database: Database, caller: Caller, database_url: str, history: Path, embedder: Embedder
):
    await mine_lines(database, caller, history, project="words")
    before = count(database_url, "interactions")
    with pytest.raises(EmbeddingModelChanged):
        await mine_lines(database, caller, history, embedder, project="meaning")
    assert count(database_url, "interactions") == before


async def found(database: Database, caller: Caller, embedder: Embedder | None) -> MatchResponse:
    return await match(database, caller, embedder, MatchRequest(intent="fix the tests and type annotations", limit=100))
