"""Commands stopped in the middle of a call: it is settled, and what is done again is not paid again."""

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
from mined import MOTIF, environment
from psycopg.rows import dict_row
from reading import LOCK, TEXT
from stopping import stopped_at
from wire.server import Wire


class Commands:
    """`motif` on a test's own database, with Anthropic on the wire and a budget."""

    def __init__(self, database_url: str, env: dict[str, str]) -> None:
        self.url = database_url
        self.env = env

    def rows(self, query: str) -> list[dict[str, object]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as admin:
            cursor = admin.execute(query)  # pyright: ignore[reportArgumentType]
            return cursor.fetchall() if cursor.description else []

    async def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """To its end, while the wire goes on."""
        command = [*MOTIF, *arguments]
        return await asyncio.to_thread(
            subprocess.run, command, env=self.env, capture_output=True, encoding="utf-8", check=False
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """And go on beside it."""
        return subprocess.Popen(
            [*MOTIF, *arguments], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ledger(self) -> list[tuple[object, object, object]]:
        rows = self.rows("select task_type, result, estimated from ledger order by created_at, id")
        return [(row["task_type"], row["result"], row["estimated"]) for row in rows]

    def spent(self) -> int:
        (row,) = self.rows("select coalesce(sum(cost_nusd), 0)::bigint as spent from ledger")
        return int(str(row["spent"]))

    def held(self) -> int:
        return len(self.rows("select from reservations where state in ('held', 'sent')"))


@pytest.fixture
async def motif_asking(database_url: str, service_url: str, data_dir: Path, wire: Wire) -> Commands:
    env = environment(
        database_url, service_url, data_dir,
        MOTIF_ANTHROPIC_API_KEY="good", MOTIF_ANTHROPIC_URL=f"{wire.url}/anthropic",
    )  # fmt: skip
    made = Commands(database_url, env)
    made.rows("insert into budgets (kind, day_limit_nusd) values ('total', 10000000000)")
    return made


@pytest.fixture
async def note(tmp_path: Path, motif_asking: Commands) -> Path:
    """A document whose source lets commercial models see it."""
    first = tmp_path / "first.md"
    first.write_text("Hello there, nothing is to be said about this one today.", encoding="utf-8")
    assert (await motif_asking.run("extract", str(first))).returncode == 0
    motif_asking.rows("update sources set remote_models = 'allow'")
    path = tmp_path / "note.md"
    path.write_text(TEXT, encoding="utf-8")
    return path


async def test_a_source_denies_until_an_admin_says_otherwise(motif_asking: Commands, wire: Wire, tmp_path: Path):
    path = tmp_path / "note.md"
    path.write_text(TEXT, encoding="utf-8")
    ran = await motif_asking.run("extract", str(path))
    assert ran.stdout.startswith("Read by the built-in extractor. The source allows no commercial model")
    assert not [seen for seen in wire.requests if seen.method == "POST"]


async def test_extract_says_in_one_line_who_read_it_and_why(motif_asking: Commands, note: Path, wire: Wire):
    ran = await motif_asking.run("extract", str(note))
    assert ran.returncode == 0, ran.stderr
    first = ran.stdout.splitlines()[0]
    assert first.startswith("Read by anthropic/claude-")
    assert "It cost $0.000" in first
    assert ran.stderr == ""
    assert motif_asking.spent() == wire.bill.of() > 0


async def test_json_is_json_whoever_read_it(motif_asking: Commands, note: Path):
    ran = await motif_asking.run("extract", str(note), "--json")
    said = json.loads(ran.stdout)
    assert [reader["extractor"].partition("/")[0] for reader in said["readers"]] == ["anthropic"]
    assert len(said["patterns"]) == 2


async def test_killed_between_settled_and_stored_it_is_paid_once(motif_asking: Commands, note: Path, wire: Wire):
    asked = len(wire.requests)

    def killed() -> None:
        command = [*MOTIF, "extract", str(note)]
        with stopped_at(motif_asking.url, "patterns", 0, command, motif_asking.env) as process:
            process.kill()

    await asyncio.to_thread(killed)
    spent = motif_asking.spent()
    assert spent == wire.bill.of() > 0
    assert motif_asking.rows("select from patterns") == []
    ran = await motif_asking.run("extract", str(note))
    assert LOCK.rstrip(".") in ran.stdout
    assert len([seen for seen in wire.requests[asked:] if seen.method == "POST"]) == 2
    assert (motif_asking.spent(), motif_asking.held()) == (spent, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_during_a_call_it_is_settled_and_can_go_on(
    motif_asking: Commands, note: Path, wire: Wire, number: signal.Signals
):
    wire.fail("anthropic", "", operation="messages", hold=True, times=1)
    before = wire.arrived_count
    process = motif_asking.start("extract", str(note))
    await wire.arrived(before + 2)  # which models there are, then the first task
    process.send_signal(number)
    out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == (130 if number is signal.SIGINT else 143), (out, err)
    wire.let_go()
    assert motif_asking.ledger() == [("content_analysis", "cancelled", True)]
    assert wire.bill.of() <= motif_asking.spent()
    assert motif_asking.held() == 0
    ran = await motif_asking.run("extract", str(note))
    assert LOCK.rstrip(".") in ran.stdout
    assert [result for _, result, _ in motif_asking.ledger()] == ["cancelled", "ok", "ok"]


async def test_a_worker_that_is_told_to_stop_settles_and_gives_the_job_back(
    motif_asking: Commands, note: Path, wire: Wire
):
    motif_asking.rows(
        """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, redacted)
           select project_id, id, 'issue', 'i-1', now(), 'We should always release the lock.', true from sources"""
    )
    wire.fail("anthropic", "", operation="messages", hold=True, times=1)
    before = wire.arrived_count
    process = motif_asking.start("worker")
    await wire.arrived(before + 2)
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.to_thread(process.communicate)
    wire.let_go()
    assert (process.returncode, out) == (0, "Jobs: 1 given back.\n"), (out, err)
    assert motif_asking.ledger() == [("content_analysis", "cancelled", True)]
    assert motif_asking.held() == 0
    ran = await motif_asking.run("worker", "--once")
    assert (ran.returncode, ran.stdout) == (0, "Jobs: 1 done.\n"), ran.stderr
    assert motif_asking.rows("select state from interactions where external_key = 'i-1'") == [{"state": "done"}]
    assert [result for _, result, _ in motif_asking.ledger()] == ["cancelled", "ok", "ok"]


def test_without_models_the_command_is_as_quick_as_without_a_router(tmp_path: Path):
    """What it costs to know that there is nobody to ask: no SDK is imported, no address is tried."""
    code = (
        "import asyncio, sys; from service.settings import Settings; from service.models.vendors import open_vendors;"
        "open_vendors(Settings(_env_file=None, ollama_url='none'));"
        "sys.exit(any(name in sys.modules for name in ('ollama', 'anthropic', 'openai')))"
    )
    assert subprocess.run([MOTIF[0], "-c", code], env=os.environ, check=False).returncode == 0
