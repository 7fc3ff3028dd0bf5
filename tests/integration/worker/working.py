"""Work whose effects can be counted, for workers in the test's process and, run as a program, in one of their own."""

import asyncio
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import psycopg

from service.log import configure_logging
from service.settings import Settings
from service.storage.database import Connection, Database, Role
from service.worker import Pace, run_worker

# Everything that is a matter of seconds in earnest; the sweep comes every second.
QUICK = Pace(
    poll_s=0.1,
    heartbeat_s=0.1,
    stalled_s=1.0,
    grace_s=0.3,
    busy_s=0.1,
    sweep="* * * * * *",
    first_wait_s=0.01,
    growth=1.0,
)
LONGEST_WAIT_S = 30.0


class Admin:
    """The database as its administrator: three projects A, B and C with one source each, and what came of them."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self.connection = connection
        self.projects = {name: uuid4() for name in "ABC"}
        self.sources = {name: uuid4() for name in "ABC"}
        for name, project in self.projects.items():
            self.run("insert into projects (id, name) values (%s, %s)", project, name)
            self.run(
                "insert into sources (id, project_id, kind, name, external_id) values (%s, %s, 'folder', %s, %s)",
                self.sources[name], project, name, name,
            )  # fmt: skip
        self.run("create table effects (of uuid not null, worker text not null, seq serial)")
        self.run("grant all on effects, effects_seq_seq to service_role")

    def run(self, sql: str, *values: object) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql, values)  # pyright: ignore[reportArgumentType]
        return cursor.fetchall() if cursor.description else []

    def insert(
        self, project: str = "A", number: int = 1, *, kind: str = "document", priority: str = "interactive",
        state: str = "received",
    ) -> list[UUID]:  # fmt: skip
        """New interactions in one statement; their ids, oldest first."""
        rows = self.run(
            """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, priority, state)
               select %s, %s, %s, gen_random_uuid()::text, now() + n * interval '1 second', 'text', %s, %s
               from generate_series(1, %s) as n returning id, occurred_at""",
            self.projects[project], self.sources[project], kind, priority, state, number,
        )  # fmt: skip
        return [row["id"] for row in sorted(rows, key=lambda row: row["occurred_at"])]

    def jobs(self, where: str = "task_name <> 'sweep'") -> list[dict[str, Any]]:
        return self.run(f"select * from jobs.procrastinate_jobs where {where} order by priority desc, id")

    def somebody_waits(self) -> bool:
        """Whether a statement waits for another's lock."""
        waits = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        return bool(self.run(waits))

    def state(self, interaction: UUID) -> str:
        [row] = self.run("select state from interactions where id = %s", interaction)
        return row["state"]

    def effects(self) -> list[UUID]:
        """What was done, in order; twice if it was done twice."""
        return [row["of"] for row in self.run("select of from effects order by seq")]


async def finish(database: Database, interaction: UUID, worker: str = "here") -> bool:
    """Do an interaction's work: mark it done and leave an effect, in one transaction; nothing if it is done."""
    async with database.transaction(Role.SERVICE) as connection:
        cursor = await connection.execute(
            "update public.interactions set state = 'done' where id = %s and state <> 'done' returning id",
            (interaction,),
        )
        if await cursor.fetchone() is None:
            return False
        await leave_effect(connection, interaction, worker)
        return True


async def leave_effect(connection: Connection, of: UUID, worker: str) -> None:
    await connection.execute("insert into public.effects (of, worker) values (%s, %s)", (of, worker))


async def process(database: Database, _embedder: object, interaction: UUID) -> None:
    """A worker's work on one interaction."""
    async with database.transaction(Role.SERVICE) as connection:
        await connection.execute(
            """update public.interactions set state = 'processing', attempts = attempts + 1
               where id = %s and state <> 'done'""",
            (interaction,),
        )
    await finish(database, interaction)


async def learn(database: Database, _embedder: object, project: UUID, *, wait: bool) -> int:
    """A worker's work on a history: as `process`, for all its commits."""
    async with database.transaction(Role.SERVICE) as connection:
        cursor = await connection.execute(
            """update public.interactions set state = 'done'
               where project_id = %s and kind = 'commit' and state <> 'done'""",
            (project,),
        )
        if cursor.rowcount:
            await leave_effect(connection, project, "here")
        return cursor.rowcount


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, which may be a coroutine's; fail when it does not come."""
    deadline = monotonic() + LONGEST_WAIT_S
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        assert monotonic() < deadline, f"{inspect.getsource(condition).strip()} did not come true"
        await asyncio.sleep(0.01)


async def _main(url: str, name: str, hold: Path) -> None:
    """Run a worker that says which interaction it has begun and finishes it only once the file `hold` is gone."""

    async def process_slowly(database: Database, _embedder: object, interaction: UUID) -> None:
        sys.stdout.write(f"begun {interaction}\n")
        sys.stdout.flush()
        await until(lambda: not hold.exists())
        await finish(database, interaction, name)

    settings = Settings(_env_file=None, database_url=url)
    configure_logging(settings)
    database = Database(url, pool_size=6, application=f"motif-test-{name}")
    await database.open()
    await run_worker(settings, database, None, pace=QUICK, process=process_slowly, learn=learn)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
