"""Who asks is a transaction's own: whatever ends it, the next one on the same server connection has nothing of it."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from tenants import ANA, EVE, OURS, THEIRS, fill
from ways import Way

from service.storage.database import Caller, Connection, Database, Role

WHO = """select current_user::text as role, auth.uid() as person, current_setting('search_path') as path,
                current_setting('plan_cache_mode') as plans, pg_backend_pid() as server"""
NOBODY = ("motif_service", None, None)


@pytest.fixture
def people(database_url: str) -> None:
    """Ana's project and Eve's, each with a row in every table."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        fill(admin)


async def who(connection: Connection) -> dict[str, object]:
    row = await (await connection.execute(WHO)).fetchone()
    assert row is not None
    return row


async def projects(connection: Connection) -> list[UUID]:
    rows = await (await connection.execute("select distinct project_id from patterns")).fetchall()
    return [row["project_id"] for row in rows]


async def nobody_is_left(way: Way) -> None:
    """Whoever says nothing is nobody, and sees nothing."""
    async with await way.connection() as connection:
        cursor = await connection.execute(
            """select current_user::text, nullif(current_setting('request.jwt.claims', true), ''),
                      nullif(current_setting('motif.left_behind', true), '')"""
        )
        assert await cursor.fetchone() == NOBODY
        for table in ("patterns", "interactions", "projects", "agent_keys", "audit"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(f"select from public.{table}")  # pyright: ignore[reportArgumentType]


async def test_a_transaction_is_its_callers_and_finds_what_it_needs(database: Database, way: Way, people: None):
    async with database.reading(Caller(ANA)) as connection:
        row = await who(connection)
        assert (row["role"], row["person"]) == ("authenticated", ANA)
        assert (row["path"], row["plans"]) == ("public, extensions", "force_custom_plan")
        assert await projects(connection) == [OURS]
    async with database.writing(Caller(EVE)) as connection:
        row = await who(connection)
        assert (row["role"], row["person"]) == ("motif_api", EVE)
    await nobody_is_left(way)


async def test_people_take_turns_on_one_server_connection_and_see_their_own_alone(
    database: Database, way: Way, people: None
):
    chance = random.Random(3)  # noqa: S311
    servers: set[object] = set()

    async def ask(number: int) -> None:
        person, project = ((ANA, OURS), (EVE, THEIRS))[number % 2]
        role = chance.choice((Role.TEAM_CLIENT, Role.API))
        async with database.transaction(role, Caller(person)) as connection:
            row = await who(connection)
            servers.add(row["server"])
            assert (row["role"], row["person"]) == (role.value, person)
            await asyncio.sleep(0)
            assert await projects(connection) == [project]
            if chance.random() < 0.3:
                with pytest.raises(psycopg.errors.DivisionByZero):
                    async with connection.transaction():
                        await connection.execute("select 1 / 0")
                assert (await who(connection))["person"] == person

    await asyncio.gather(*(ask(number) for number in range(60)))
    assert len(servers) == 1
    await nobody_is_left(way)


async def test_a_key_of_somebody_who_left_is_not_the_next_callers(database: Database, people: None):
    key = uuid4()
    async with database.reading(Caller(ANA, agent_key=key)) as connection:
        assert await projects(connection) == []  # there is no such key
    async with database.reading(Caller(ANA)) as connection:
        assert await projects(connection) == [OURS]


@pytest.mark.parametrize("statement", ["select 1 / 0", "select nothing", "insert into audit default values"])
async def test_an_error_leaves_nothing_behind(database: Database, way: Way, people: None, statement: str):
    with pytest.raises(psycopg.Error):
        async with database.reading(Caller(ANA)) as connection:
            await connection.execute(statement)  # pyright: ignore[reportArgumentType]
    await nobody_is_left(way)
    async with database.reading(Caller(EVE)) as connection:
        assert await projects(connection) == [THEIRS]


async def test_what_a_request_sets_for_its_session_is_undone_with_its_transaction(database: Database, way: Way):
    async def set_and_fail() -> None:
        async with database.reading(Caller(ANA)) as connection:
            await connection.execute("select set_config('motif.left_behind', 'ana', false)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await set_and_fail()
    await nobody_is_left(way)


async def test_a_cancelled_request_leaves_nothing_behind(database: Database, way: Way, people: None):
    begun = asyncio.Event()

    async def ask_for_long() -> None:
        async with database.reading(Caller(ANA)) as connection:
            assert await projects(connection) == [OURS]
            begun.set()
            await connection.execute("select pg_sleep(60)")

    request = asyncio.create_task(ask_for_long())
    await begun.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    async with asyncio.timeout(20):
        await nobody_is_left(way)
        async with database.reading(Caller(EVE)) as connection:
            assert await projects(connection) == [THEIRS]
    if way.seen is not None:
        assert way.seen.cancelled == 1


async def test_a_killed_client_leaves_nothing_behind(database: Database, way: Way, people: None):
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("held.py")), way.url, str(ANA), str(int(way.pooled)),
        stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert process.stdout is not None
    assert (await process.stdout.readline()).split() == [b"authenticated", str(ANA).encode()]
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with asyncio.timeout(20):
        async with database.reading(Caller(EVE)) as connection:
            assert await projects(connection) == [THEIRS]
            await connection.execute("select pg_advisory_xact_lock(77)")  # which the dead one held
        await nobody_is_left(way)


async def test_nothing_can_go_on_in_a_transaction_that_was_ended_by_hand(database: Database):
    """What followed would run as nobody, or as whoever the pooler's next transaction is."""
    with pytest.raises(psycopg.ProgrammingError, match="forbidden"):
        async with database.reading(Caller(ANA)) as connection:
            await connection.commit()


async def test_a_connection_that_died_in_the_pool_is_replaced(database: Database, database_url: str, people: None):
    async with database.reading(Caller(ANA)) as connection:
        assert await projects(connection) == [OURS]
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(
            """select pg_terminate_backend(pid, 10000) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()"""
        )
    async with database.reading(Caller(EVE)) as connection:
        assert await projects(connection) == [THEIRS]
