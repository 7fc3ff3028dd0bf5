"""Patterns stored under one embedding model and asked for with another: refused, until they are rebuilt."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from mined import mine_lines, write_example
from rows import count

from service.errors import EmbeddingModelChanged
from service.extraction.import_lines import read_patterns
from service.extraction.importing import import_patterns
from service.matching.embedder import Embedder
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


@pytest.mark.parametrize("learn", [True, False], ids=["mining", "importing"])
async def test_what_is_stored_while_the_model_changes_is_refused_not_lost(
    database: Database, caller: Caller, database_url: str, history: Path, learn: bool
):
    """Rows under a model that was just replaced would never be found again."""

    async def write() -> object:
        if learn:
            return await mine_lines(database, caller, history)
        records = read_patterns(b'{"name": "Retry"}', "test")
        return await import_patterns(
            database, None, caller, records, project_name="p", source_name="s", progress=lambda _done, _total: None
        )

    async with await psycopg.AsyncConnection.connect(database_url) as rebuilding:
        await rebuilding.execute("lock table pattern_embeddings in share row exclusive mode")
        writing = asyncio.create_task(write())
        waiting = "select count(*) from pg_locks where relation = 'pattern_embeddings'::regclass and not granted"
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watching:
            while await (await watching.execute(waiting)).fetchone() == (0,):
                assert not writing.done()
                await asyncio.sleep(0.01)
        await rebuilding.execute("select motif.register_embedding_model('another', 3)")
        await rebuilding.execute("update embedding_models set active = false")
        await rebuilding.execute("update embedding_models set active = true where name = 'another'")
    with pytest.raises(EmbeddingModelChanged, match="Run the command again"):
        await writing
    assert count(database_url, "patterns") == 0
