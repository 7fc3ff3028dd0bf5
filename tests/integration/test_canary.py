"""After an erasure and a scrub the word is nowhere: in no table, no sample, no page, no segment, no log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from erasable import CANARY, NEIGHBOUR, Shop

from service.erasure import erasing
from service.local_postgres.server import open_local
from service.settings import Settings
from service.storage.connect import open_database
from service.worker import run_worker

LOWER = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))


def pieces(word: str) -> list[bytes]:
    """Five letters each: a compressed value may be broken by one byte within a word of nine."""
    return [word[n : n + 5].encode() for n in range(len(word) - 4)]


def files_with(folder: Path, word: str) -> set[str]:
    """The files below a folder where a piece of the word stands, whatever its case."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes().translate(LOWER)
            if any(piece in data for piece in pieces(word)):
                found.add(str(path.relative_to(folder)))
    return found


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir, embedding_model="none")


@pytest.fixture
async def shop(settings: Settings, tmp_path: Path) -> AsyncIterator[Shop]:
    """Both projects in an installation of their own."""
    database = await open_database(settings)
    with await asyncio.to_thread(open_local, settings) as server:
        yield await Shop.open(database, server.url(), tmp_path)
        await database.close()


async def test_the_word_is_nowhere_once_it_was_erased_and_scrubbed(settings: Settings, shop: Shop, data_dir: Path):
    await run_worker(settings, shop.database, None, once=True)
    # Samples of it, and an error that quotes it.
    shop.run("analyze")
    with psycopg.connect(shop.url) as client, pytest.raises(psycopg.errors.InvalidTextRepresentation):
        client.execute("select %s::text::uuid", (CANARY,))
    with psycopg.connect(shop.url, autocommit=True) as client:
        client.execute("checkpoint")
    assert CANARY in str(shop.run("select most_common_vals::text from pg_stats where schemaname = 'public'"))
    assert files_with(data_dir, CANARY)
    beside = shop.rows(shop.beside)

    rows = shop.run(
        "select id from patterns where project_id = %s and name = %s", shop.project, f"Import {CANARY} twice"
    )
    await erasing.erase_pattern(shop.database, None, shop.admin, rows[0]["id"])
    for name, source in shop.sources.items():
        if not name.startswith("plain"):
            await erasing.erase_source(shop.database, None, shop.admin, shop.project, source)
    await erasing.erase_person(shop.database, None, shop.admin, shop.project, str(shop.member.user_id))
    shop.run("update projects set name = 'shop', settings = '{}' where id = %s", shop.project)
    assert shop.tables_with(CANARY) == set()
    assert shop.rows(shop.beside) == beside

    # The job that waits for its minute does it.
    waiting = shop.run("update jobs.procrastinate_jobs set scheduled_at = now() where task_name = 'scrub' returning id")
    assert len(waiting) == 1
    await run_worker(settings, shop.database, None, once=True)
    assert shop.run("select from jobs.procrastinate_jobs where task_name = 'scrub'") == []
    assert shop.run("select from pg_stats where most_common_vals::text like %s", f"%{CANARY}%") == []
    assert shop.rows(shop.beside) == beside
    found = shop.run("select from patterns where project_id = %s and name = 'Retries and reconnection'", shop.project)
    assert len(found) == 1

    await erasing.erase_project(shop.database, shop.admin, shop.beside)
    await shop.database.scrub()
    assert shop.tables_with(NEIGHBOUR) == set()
    await shop.database.close()
    with psycopg.connect(shop.url, autocommit=True) as client:
        client.execute("checkpoint")
    assert files_with(data_dir, CANARY) == set()
    assert files_with(data_dir, NEIGHBOUR) == set()


async def test_without_a_scrub_the_pages_keep_what_was_erased(shop: Shop, data_dir: Path):
    await erasing.erase_project(shop.database, shop.admin, shop.project)
    with psycopg.connect(shop.url, autocommit=True) as client:
        client.execute("checkpoint")
    assert shop.tables_with(CANARY) == set()
    assert files_with(data_dir, CANARY)
