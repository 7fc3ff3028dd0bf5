"""What other routers' users complain of: each as a test, on a real Postgres that goes away, stalls, or is killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from spender import USD, call, counters, let_expire, limit, state_of, sums_hold

from routing.budget import Ended
from routing.errors import BudgetRefused, LedgerUnavailable
from service.local_postgres.server import LocalPostgres
from service.settings import Settings
from service.storage.connect import open_database
from service.storage.database import Database, Role
from service.storage.spending import PostgresLedger, sweep

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("spending_process.py")
OK = Ended("ok", USD, False, 1)


@pytest.fixture
async def ledger(database: Database, database_url: str) -> AsyncIterator[PostgresLedger]:
    limit(database_url, "total", day=10 * USD)
    opened = PostgresLedger(database, patience_s=10)
    yield opened
    await opened.close()


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@contextmanager
def away(server: LocalPostgres, name: str) -> Iterator[None]:
    """The database cannot be reached, as long as the block lasts."""
    with psycopg.connect(server.url(), autocommit=True) as other:
        allow = sql.SQL("alter database {} with allow_connections {}")
        other.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        try:
            yield
        finally:
            other.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@contextmanager
def stalled(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Nothing can be reserved or settled: somebody holds the budgets."""
    with connection.transaction():
        connection.execute("select from budget_periods for update")
        yield


async def until_it_waits(connection: psycopg.Connection[Any]) -> None:
    waiting = "select count(*) from pg_locks where not granted"
    deadline = time.monotonic() + 60
    while connection.execute(waiting).fetchone() == (0,):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_client_that_cancels_leaves_nothing_held(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    await ledger.release(uuid4())  # nobody knows it, nothing happens
    await ledger.reserve(first := uuid4(), call(), USD, expires_s=600)
    with stalled(admin):
        under_way = asyncio.create_task(ledger.reserve(uuid4(), call(), USD, expires_s=600))
        await until_it_waits(admin)
        waiting = asyncio.create_task(ledger.reserve(uuid4(), call(), USD, expires_s=600))
        await asyncio.sleep(0)
        for task in (under_way, waiting):
            task.cancel()
        await asyncio.gather(under_way, waiting, return_exceptions=True)
    await ledger.close()
    assert counters(admin) == (0, USD)
    assert state_of(admin, first) == "held"


async def test_a_client_that_disconnects_does_not_lose_what_was_spent(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    await ledger.reserve(reservation := uuid4(), call(), 2 * USD, expires_s=600)
    await ledger.send(reservation)
    with stalled(admin):
        settling = asyncio.create_task(ledger.settle(reservation, call(), OK))
        await until_it_waits(admin)
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
    await ledger.close()
    assert counters(admin) == (USD, 0)


async def test_one_that_cannot_be_written_does_not_fail_its_neighbours(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    reservations = [ledger.reserve(uuid4(), call(), -1 if n == 7 else 1, expires_s=600) for n in range(20)]
    ended = await asyncio.gather(*reservations, return_exceptions=True)
    assert [n for n, error in enumerate(ended) if isinstance(error, LedgerUnavailable)] == [7]
    assert counters(admin) == (0, 19)


async def test_a_budget_that_was_freed_is_never_said_to_be_exceeded(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    for n in range(30):
        await ledger.reserve(reservation := uuid4(), call(), 9 * USD, expires_s=600)
        await (ledger.release(reservation) if n % 2 else ledger.settle(reservation, call(), Ended("ok", 1, False, 1)))
    assert counters(admin) == (15, 0)


async def test_what_cannot_be_written_down_is_refused_at_once_and_what_was_spent_is_not_forgotten(
    database: Database, database_url: str, postgres_server: LocalPostgres, database_name: str
) -> None:
    limit(database_url, "total", day=10 * USD)
    ledger = PostgresLedger(database, patience_s=2)
    await ledger.reserve(reservation := uuid4(), call(), 2 * USD, expires_s=600)
    await ledger.send(reservation)
    with away(postgres_server, database_name):
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            await ledger.reserve(uuid4(), call(), USD, expires_s=600)
        with pytest.raises(LedgerUnavailable):
            await ledger.send(reservation)
        assert time.monotonic() - began < 8
        await ledger.settle(reservation, call(), OK)
        await ledger.record(uuid4(), call("ollama", place="local"), Ended("ok", 0, False, 1))
    await ledger.close(30)
    with psycopg.connect(database_url) as admin:
        assert counters(admin) == (USD, 0)
        assert admin.execute("select count(*) from ledger").fetchone() == (2,)


async def test_what_is_kept_for_later_has_a_bound_and_what_was_spent_goes_before_what_is_freed(
    database: Database, database_url: str, postgres_server: LocalPostgres, database_name: str
) -> None:
    limit(database_url, "total", day=10 * USD)
    ledger = PostgresLedger(database, patience_s=1, most_kept=2)
    reservations = [uuid4() for _ in range(4)]
    for reservation in reservations:
        await ledger.reserve(reservation, call(), USD, expires_s=600)
        await ledger.send(reservation)
    with away(postgres_server, database_name):
        await ledger.release(reservations[0], unsent=True)
        await ledger.release(reservations[1], unsent=True)
        await ledger.settle(reservations[2], call(), OK)
        await ledger.settle(reservations[3], call(), OK)
    await ledger.close(30)
    with psycopg.connect(database_url, autocommit=True) as admin:
        assert counters(admin) == (2 * USD, 2 * USD)
        let_expire(admin)
        await sweep(database)
        assert counters(admin) == (4 * USD, 0)


async def test_an_answer_that_postgres_cannot_hold_is_paid_for_all_the_same(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    await ledger.reserve(reservation := uuid4(), call(), 2 * USD, expires_s=600)
    await ledger.send(reservation)
    keep = {"project_id": str(uuid4()), "answer": {"name": "a\0b"}}
    await ledger.settle(reservation, call(), Ended("ok", USD, False, 1, model_answered="m\0", keep=keep))
    await ledger.close()
    assert counters(admin) == (USD, 0)


async def test_a_killed_process_that_had_sent_is_charged_its_worst_case(
    database: Database, service_url: str, database_url: str, admin: psycopg.Connection[Any]
) -> None:
    limit(database_url, "total", day=10 * USD)
    with started(service_url, "hang") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sent\n"
        process.kill()
    assert counters(admin) == (0, 1000)
    let_expire(admin)
    await sweep(database)
    assert counters(admin) == (1000, 0)
    assert admin.execute("select result, estimated from ledger").fetchall() == [("lost", True)]


async def test_a_postgres_killed_between_sent_and_settled_loses_no_cent(data_dir: Path) -> None:
    settings = Settings(_env_file=None, data_dir=data_dir)
    database = await open_database(settings)
    try:
        async with database.transaction(Role.SERVICE) as connection:
            await connection.execute("insert into budgets (kind, day_limit_nusd) values ('total', 1000000)")
        ledger = PostgresLedger(database, patience_s=5)
        await ledger.reserve(reservation := uuid4(), call(), 1000, expires_s=600)
        await ledger.send(reservation)
        pid = (data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0]
        os.kill(int(pid), signal.SIGKILL)
        await ledger.settle(reservation, call(), Ended("ok", 700, False, 1))
        await database.revive()
        await ledger.close(30)
        async with database.transaction(Role.SERVICE) as connection:
            found = await connection.execute("select cost_nusd, estimated from ledger")
            assert [tuple(row.values()) for row in await found.fetchall()] == [(700, False)]
    finally:
        await database.close()


async def test_calls_of_many_processes_at_once_never_overrun_a_budget(
    database: Database, service_url: str, database_url: str, admin: psycopg.Connection[Any]
) -> None:
    # 4 processes with 32 tasks each ask for 128,000 at once: a tenth of it is there.
    limit(database_url, "total", day=12_800)
    samples = 0
    processes = [started(service_url, "32", "6") for _ in range(4)]
    running = [process.__enter__() for process in processes]
    try:
        while any(process.poll() is None for process in running):
            with admin.transaction():
                admin.execute("set transaction isolation level repeatable read")
                sums_hold(admin)
                assert sum(counters(admin)) <= 12_800
            samples += 1
            await asyncio.sleep(0.02)
        assert [process.communicate()[1] for process in running] == [""] * 4
    finally:
        for process in processes:
            process.__exit__(None, None, None)
    settled, held = counters(admin)
    assert (settled > 0, held, samples > 10) == (True, 0, True)
    sums_hold(admin)
    await sweep(database)
    with pytest.raises(BudgetRefused):
        await PostgresLedger(database).reserve(uuid4(), call(), 12_800, expires_s=600)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that spends; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
