"""kill -9 in the middle of mining, of the command or of Postgres, then again: the rows of an undisturbed run."""

import os
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from mined import MOTIF, environment, mine_lines, refusal, write_example
from rows import Rows, count, dump
from stopping import stopped_at

from service.local_postgres.server import LocalPostgres, open_local
from service.matching.embedder import Embedder
from service.settings import Settings
from service.storage.database import Caller, Database


@asynccontextmanager
async def rows_of_undisturbed(server: LocalPostgres, template: str, folder: Path, embedder: Embedder | None):
    name = f"undisturbed_{uuid.uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}")
        database = Database(server.url("motif_service", name), pool_size=4)
        await database.open()
        try:
            history = write_example(folder / "history.jsonl", 400)
            await mine_lines(database, Caller(Settings(_env_file=None).user_id), history, embedder)
        finally:
            await database.close()
        yield dump(server.url("postgres", name))
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def undisturbed(
    postgres_server: LocalPostgres, migrated_template: str, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Rows]:
    """The rows of a run that nothing disturbs, with the embedding model."""
    folder = tmp_path_factory.mktemp("undisturbed")
    async with rows_of_undisturbed(postgres_server, migrated_template, folder, embedder) as rows:
        yield rows


@pytest.fixture(scope="module")
async def undisturbed_words(
    postgres_server: LocalPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Rows]:
    """The same by words only."""
    folder = tmp_path_factory.mktemp("undisturbed")
    async with rows_of_undisturbed(postgres_server, migrated_template, folder, None) as rows:
        yield rows


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """The same history."""
    return write_example(tmp_path / "history.jsonl", 400)


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("interactions", 0),
        ("interactions", 250),
        ("interaction_embeddings", 128),
        ("pattern_evidence", 0),
        ("tasks", 0),
    ],
)
async def test_the_next_run_ends_as_if_nothing_had_happened(
    table: str,
    rows: int,
    undisturbed: Rows,
    database: Database,
    caller: Caller,
    database_url: str,
    service_url: str,
    history: Path,
    embedder: Embedder,
):
    data_dir = Path(os.environ["MOTIF_TEST_RUN_FOLDER"]) / "shared"
    env = environment(database_url, service_url, data_dir, MOTIF_EMBEDDING_MODEL=embedder.model_id)
    command = [*MOTIF, "mine", str(history), "--project", "history"]
    with stopped_at(database_url, table, rows, command, env) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert count(database_url, "patterns") == 0
    await mine_lines(database, caller, history, embedder)
    assert dump(database_url) == undisturbed


@pytest.mark.parametrize(("table", "rows"), [("interactions", 250), ("pattern_evidence", 0)])
def test_a_killed_postgres_is_one_line_and_the_next_run_ends_as_if_nothing_had_happened(
    table: str, rows: int, undisturbed_words: Rows, data_dir: Path, history: Path
):
    env = {**os.environ, "MOTIF_DATA_DIR": str(data_dir), "MOTIF_EMBEDDING_MODEL": "none"}
    command = [*MOTIF, "mine", str(history)]
    with open_local(Settings(_env_file=None, data_dir=data_dir)) as server:
        subprocess.run([*MOTIF, "patterns", "list"], env=env, check=True, capture_output=True)  # migrates
        with stopped_at(server.url(), table, rows, command, env) as process:
            os.kill(int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            said, complaint = process.communicate(timeout=60)
        assert "does not answer" in refusal(subprocess.CompletedProcess(command, process.returncode, said, complaint))
        again = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert dump(server.url()) == undisturbed_words
