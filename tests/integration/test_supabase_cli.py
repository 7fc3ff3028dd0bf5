"""The migrations under the real Supabase CLI: the same schema and the same bookkeeping as our own runner makes."""

import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from service.local_postgres.bootstrap import bootstrap
from service.local_postgres.process import programs
from service.local_postgres.server import LocalPostgres
from service.storage.migrate import migrate
from service.storage.migration import read_migrations

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT_S = 120

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server(tcp_postgres_server: LocalPostgres) -> LocalPostgres:
    return tcp_postgres_server


@pytest.fixture
async def plain_database(server: LocalPostgres) -> str:
    """Name of a database that has had the bootstrap only."""
    return await _new_database(server)


async def _new_database(server: LocalPostgres) -> str:
    name = f"db_{uuid.uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template template0")
    await bootstrap(server.url("postgres", name))
    return name


@pytest.fixture
def cli(server: LocalPostgres, tmp_path: Path, client_program: Callable[[str], str]) -> Cli:
    """Runs the CLI on a copy of supabase/ and a database, at home nowhere and telling nobody."""
    program = client_program("supabase")
    supabase = tmp_path / "supabase"
    supabase.mkdir()
    shutil.copy(ROOT / "supabase" / "config.toml", supabase)
    shutil.copytree(ROOT / "supabase" / "migrations", supabase / "migrations")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    quiet = {"SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "SUPABASE_NO_UPDATE_NOTIFIER": "1"}

    def run(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        remote = f"--remote={server.tcp_url('postgres', database)}?sslmode=disable"
        return subprocess.run(
            [program, *arguments, remote],
            cwd=tmp_path,
            env={**kept, **quiet, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_TIMEOUT_S,
        )

    return run


async def test_the_cli_and_our_runner_make_the_same_schema(
    server: LocalPostgres, plain_database: str, cli: Cli
) -> None:
    by_us = await _new_database(server)
    await migrate(server.url("postgres", by_us))
    done = cli(plain_database, "migration", "up", "--yes")
    assert done.returncode == 0, done.stderr
    assert _dump(server, plain_database) == _dump(server, by_us)


async def test_the_cli_and_our_runner_keep_the_same_books(server: LocalPostgres, plain_database: str, cli: Cli) -> None:
    by_us = await _new_database(server)
    await migrate(server.url("postgres", by_us))
    cli(plain_database, "migration", "up", "--yes")
    assert _book(server, plain_database) == _book(server, by_us)
    assert len(_book(server, by_us)) == len(read_migrations())


async def test_our_runner_carries_on_where_the_cli_left_off(
    server: LocalPostgres, plain_database: str, cli: Cli, tmp_path: Path
) -> None:
    later = sorted((tmp_path / "supabase" / "migrations").iterdir())[2:]
    for path in later:
        path.unlink()
    done = cli(plain_database, "migration", "up", "--yes")
    assert done.returncode == 0, done.stderr
    assert await migrate(server.url("postgres", plain_database)) == [path.stem for path in later]
    by_us = await _new_database(server)
    await migrate(server.url("postgres", by_us))
    assert _dump(server, plain_database) == _dump(server, by_us)


async def test_the_cli_carries_on_where_our_runner_left_off(
    server: LocalPostgres, plain_database: str, cli: Cli
) -> None:
    await migrate(server.url("postgres", plain_database), read_migrations()[:2])
    done = cli(plain_database, "migration", "up", "--yes")
    assert done.returncode == 0, done.stderr
    assert await migrate(server.url("postgres", plain_database)) == []


async def test_the_cli_lists_what_our_runner_applied_as_applied(
    server: LocalPostgres, plain_database: str, cli: Cli
) -> None:
    await migrate(server.url("postgres", plain_database))
    done = cli(plain_database, "migration", "list", "--output-format", "json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)["migrations"]
    versions = [migration.version for migration in read_migrations()]
    assert [(entry["local"], entry["remote"]) for entry in listed] == [(version, version) for version in versions]


async def test_the_advisors_find_nothing(server: LocalPostgres, plain_database: str, cli: Cli) -> None:
    await migrate(server.url("postgres", plain_database))
    assert _findings(cli, plain_database) == []


async def test_the_advisors_would_find_a_table_without_policies(
    server: LocalPostgres, plain_database: str, cli: Cli
) -> None:
    await migrate(server.url("postgres", plain_database))
    with psycopg.connect(server.url("postgres", plain_database)) as admin:
        admin.execute("create table public.naked (id integer primary key)")
    assert [finding["name"] for finding in _findings(cli, plain_database)] == ["rls_disabled_in_public"]


def _findings(cli: Cli, database: str) -> list[dict[str, str]]:
    done = cli(
        database, "db", "advisors", "--type", "all", "--level", "warn", "--fail-on", "error", "--output-format", "json"
    )
    return json.loads(done.stdout)["results"]


def _dump(server: LocalPostgres, database: str) -> str:
    done = subprocess.run(
        [programs(server.version) / "pg_dump", "--schema-only", server.url("postgres", database)],
        capture_output=True,
        text=True,
        check=True,
    )
    # pg_dump guards its script with a key that is new each time.
    return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)


def _book(server: LocalPostgres, database: str) -> list[tuple[str, str, list[str]]]:
    with psycopg.connect(server.url("postgres", database)) as admin:
        query = "select version, name, statements from supabase_migrations.schema_migrations order by version"
        return admin.execute(query).fetchall()
