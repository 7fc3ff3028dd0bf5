"""Everything the service does, straight and through a pooler: it learns, answers, works off jobs and removes."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import httpx
import msgspec
import psycopg
import pytest
from mined import MOTIF, mine_lines, write_example
from transaction_pooler import Seen
from ways import Way

from service.app import create_app
from service.settings import Settings
from service.storage.database import Caller, Database, Role
from service.tokens.local import LocalKey
from service.worker import Pace, run_worker

HAND_IN = """
insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)
select project_id, id, 'document', %s, now(), 'We should always pin the version of a dependency.' from sources
"""
MATCH = "/api/v1/patterns/match"


@pytest.fixture
def servers() -> int:
    """Learning holds a project's lock in one transaction while it works in others."""
    return 2


@pytest.fixture
def settings(way: Way, data_dir: Path, database_url: str) -> Settings:
    return way.settings(data_dir, database_url)


@pytest.fixture
async def mined(database: Database, caller: Caller, tmp_path: Path) -> None:
    """Patterns of 120 commits."""
    mined = await mine_lines(database, caller, write_example(tmp_path / "history.jsonl", 120))
    assert mined.learned.patterns


@pytest.fixture
async def client(settings: Settings, database: Database, caller: Caller) -> AsyncIterator[httpx.AsyncClient]:
    assert caller.user_id is not None
    app = create_app(settings, database=database)
    headers = {"authorization": f"Bearer {LocalKey(settings.data_dir).token(caller.user_id)}"}
    async with (
        app.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8100", headers=headers
        ) as client,
    ):
        yield client


def hand_in(admin_url: str, name: str) -> None:
    with psycopg.connect(admin_url) as admin:
        admin.execute(HAND_IN, (name,))


@pytest.mark.usefixtures("mined")
async def test_what_was_mined_is_matched_over_http_by_many_at_once(client: httpx.AsyncClient):
    async with asyncio.timeout(60):
        answers = await asyncio.gather(
            *(client.post(MATCH, json={"intent": f"change the schema {number}"}) for number in range(20))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["matched_patterns"]
    ready = await client.get("/health/ready")
    assert ready.json()["parts"]["database"]["status"] == "ok"


@pytest.mark.usefixtures("mined")
async def test_a_request_is_one_transaction_begun_and_become_in_one_round_trip(
    client: httpx.AsyncClient, database: Database, way: Way
):
    """Counted by our own pooler; the other ways run the same code."""
    seen = way.seen or Seen()
    before = seen.transactions
    answer = await client.post(MATCH, json={"intent": "change the schema"})
    assert answer.json()["matched_patterns"]
    assert seen.transactions - before == (1 if way.seen else 0)
    before = seen.round_trips
    async with database.reading(Caller(None)) as connection:
        assert seen.round_trips - before == (1 if way.seen else 0)
        await connection.execute("select")
    assert seen.round_trips - before == (3 if way.seen else 0)


@pytest.mark.usefixtures("mined")
async def test_jobs_are_begun_within_seconds_and_worked_off(settings: Settings, database: Database, database_url: str):
    stop = asyncio.Event()
    ended_at: list[float] = []

    def ended(task: str, _ending: object) -> None:
        if task == "process_interaction":
            ended_at.append(monotonic())
            if len(ended_at) == 1:
                hand_in(database_url, "a second")  # the worker has found nothing more to do, or is about to
            else:
                stop.set()

    hand_in(database_url, "a first")
    async with asyncio.timeout(30):
        await run_worker(settings, database, None, stop=stop, ended=ended)
    assert ended_at[1] - ended_at[0] < 2 * Pace().poll_pooled_s
    async with database.transaction(Role.SERVICE) as connection:
        cursor = await connection.execute("select state, redacted from interactions where kind = 'document'")
        assert await cursor.fetchall() == [{"state": "done", "redacted": True}] * 2
        cursor = await connection.execute("select from jobs.procrastinate_jobs where task_name <> 'sweep'")
        assert await cursor.fetchall() == []


@pytest.mark.usefixtures("mined")
async def test_a_project_is_removed_with_all_it_holds(database: Database, database_url: str):
    async with database.transaction(Role.SERVICE) as connection:
        await connection.execute("delete from projects")
    with psycopg.connect(database_url) as admin:
        for table in ("interactions", "patterns", "pattern_evidence", "pattern_embeddings", "pattern_terms"):
            assert admin.execute(f"select count(*) from {table}").fetchone() == (0,)  # pyright: ignore


@pytest.mark.usefixtures("mined")
async def test_commands_work_and_doctor_finds_nothing_wrong(way: Way, data_dir: Path, database_url: str):
    given = {
        "MOTIF_DATA_DIR": str(data_dir),
        "MOTIF_DATABASE_URL": way.url,
        "MOTIF_DATABASE_ADMIN_URL": database_url,
        "MOTIF_DATABASE_POOLER": way.pooler,
        "MOTIF_EMBEDDING_MODEL": "none",
    }

    async def motif(*arguments: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *MOTIF, *arguments, env=os.environ | given, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said
        return said

    assert msgspec.json.decode(await motif("match", "change the schema", "--json"))["matched_patterns"]
    report = msgspec.json.decode(await motif("doctor", "--json"))
    assert {check["name"]: check["status"] for check in report["checks"]}["pooler"] == "ok"
    assert await motif("worker", "--once")
