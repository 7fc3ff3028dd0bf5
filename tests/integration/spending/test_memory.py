"""What was learned of models, read from Postgres now and then, by any number of processes."""

from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from routing.outcome import Counts
from routing.task import TaskType
from service.local_postgres.server import LocalPostgres
from service.storage.database import Database
from service.storage.experience import PostgresMemory


async def test_a_cooldown_is_known_here_at_once_and_elsewhere_at_the_next_look(database: Database) -> None:
    here, elsewhere = PostgresMemory(database, fresh_s=0), PostgresMemory(database, fresh_s=0)
    assert (await elsewhere.recall()).cooldowns == ()
    await here.cool_down("anthropic", "", seconds=60, reason="vendor-overloaded")
    await here.cool_down("anthropic", "", seconds=5, reason="vendor-rate-limited")  # the longer one stays
    for memory in (here, elsewhere):
        [cooldown] = (await memory.recall()).cooldowns
        assert (cooldown.vendor, cooldown.model, cooldown.reason) == ("anthropic", "", "vendor-overloaded")
        assert timedelta(seconds=30) < cooldown.until - datetime.now(UTC) <= timedelta(seconds=60)


async def test_a_cooldown_is_as_long_as_it_is_though_the_databases_clock_is_another(
    database: Database, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("set timezone = 'Pacific/Kiritimati'")
        admin.execute("insert into model_cooldowns values ('openai', 'm', now() + interval '100 s', 'r')")
    [cooldown] = (await PostgresMemory(database).recall()).cooldowns
    assert timedelta(seconds=60) < cooldown.until - datetime.now(UTC) <= timedelta(seconds=100)


async def test_what_was_known_stays_known_while_the_database_is_away(
    database: Database, database_url: str, postgres_server: LocalPostgres, database_name: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("insert into model_outcomes values ('ollama/m', 'strategic_analysis', 4, 3, 1)")
        admin.execute("insert into model_outcomes values ('ollama/m', 'a type of later', 4, 3, 1)")
    memory = PostgresMemory(database, fresh_s=0, patience_s=1)
    known = (await memory.recall()).outcomes
    assert set(known) == {("ollama/m", TaskType.STRATEGIC_ANALYSIS, 4)}
    allow = sql.SQL("alter database {} with allow_connections {}")
    with psycopg.connect(postgres_server.url(), autocommit=True) as other:
        other.execute(allow.format(sql.Identifier(database_name), sql.SQL("false")))
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (database_name,))
        await memory.cool_down("ollama", "m", seconds=60, reason="vendor-timeout")
        seen = await memory.recall()
        other.execute(allow.format(sql.Identifier(database_name), sql.SQL("true")))
    assert isinstance(seen.outcomes["ollama/m", TaskType.STRATEGIC_ANALYSIS, 4], Counts)
    assert [(one.vendor, one.model) for one in seen.cooldowns] == [("ollama", "m")]


async def test_who_is_asked_to_wait_no_time_does_not_wait(database: Database) -> None:
    memory = PostgresMemory(database)
    for seconds in (0.0, -5.0, float("nan")):
        await memory.cool_down("openai", "m", seconds=seconds, reason="r")
    assert (await memory.recall()).cooldowns == ()
