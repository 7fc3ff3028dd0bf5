"""Killed workers, a database that goes away, and ends of jobs that nobody could write down: all is done, once."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row
from working import QUICK, Admin, finish, learn, process, until

from service.errors import DatabaseError
from service.local_postgres.server import open_local
from service.settings import Settings
from service.storage.connect import open_database
from service.storage.database import Database
from service.worker import Ending, run_worker


class Hold:
    """Workers in processes of their own finish nothing until they are let go."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.touch()

    def let_go(self) -> None:
        self.file.unlink()


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    return Hold(tmp_path / "hold")


async def said(worker: subprocess.Popen[str]) -> list[str]:
    """The next line of a worker in a process of its own."""
    assert worker.stdout is not None
    return (await asyncio.to_thread(worker.stdout.readline)).split()


async def test_a_killed_workers_job_is_done_once_by_another(admin: Admin, spawn, hold: Hold) -> None:
    [interaction] = admin.insert()
    first = spawn("first", hold.file)
    assert await said(first) == ["begun", str(interaction)]
    first.kill()
    second = spawn("second", hold.file)
    assert await said(second) == ["begun", str(interaction)]
    hold.let_go()
    await until(lambda: admin.jobs() == [])
    assert admin.run("select of, worker from effects") == [{"of": interaction, "worker": "second"}]
    assert admin.state(interaction) == "done"


async def test_a_worker_that_was_taken_for_dead_does_no_harm_and_goes_on(admin: Admin, spawn, hold: Hold) -> None:
    [interaction] = admin.insert()
    frozen = spawn("frozen", hold.file)
    assert await said(frozen) == ["begun", str(interaction)]
    frozen.send_signal(signal.SIGSTOP)
    other = spawn("other", hold.file)
    assert await said(other) == ["begun", str(interaction)]
    hold.let_go()
    await until(lambda: admin.jobs() == [])
    other.kill()
    frozen.send_signal(signal.SIGCONT)
    [later] = admin.insert()
    assert await said(frozen) == ["begun", str(later)]
    await until(lambda: admin.jobs() == [])
    assert admin.run("select of, worker from effects order by seq") == [
        {"of": interaction, "worker": "other"}, {"of": later, "worker": "frozen"},
    ]  # fmt: skip


async def test_workers_killed_again_and_again_leave_nothing_undone_or_done_twice(
    admin: Admin, spawn, hold: Hold
) -> None:
    interactions = admin.insert("A", 40)
    hold.let_go()
    for number in range(3):
        worker = spawn(f"victim-{number}", hold.file)
        for _ in range(6):
            await said(worker)
        worker.kill()
    spawn("last", hold.file)
    await until(lambda: admin.jobs() == [])
    assert sorted(admin.effects(), key=str) == sorted(interactions, key=str)


async def test_a_worker_whose_connections_are_cut_goes_on(admin: Admin, working_on) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def process_slowly(database: Database, embedder: object, interaction: UUID) -> None:
        begun.set()
        await go_on.wait()
        await finish(database, interaction)

    [interaction] = admin.insert()
    async with working_on(process=process_slowly):
        await begun.wait()
        cut = """select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()"""
        assert len(admin.run(cut)) >= 3
        go_on.set()
        await until(lambda: admin.jobs() == [])
        [later] = admin.insert()
        await until(lambda: admin.state(later) == "done")
    assert admin.effects() == [interaction, later]


async def test_the_end_of_a_job_that_could_not_be_recorded_does_not_keep_it_running(admin: Admin, working_on) -> None:
    finish_job = "jobs.procrastinate_finish_job_v1(bigint, jobs.procrastinate_job_status, boolean)"
    begun: list[UUID] = []

    async def process_unrecorded(database: Database, embedder: object, interaction: UUID) -> None:
        begun.append(interaction)
        if len(begun) == 1:
            await finish(database, interaction)
            admin.run(f"alter function {finish_job} rename to gone")
        else:
            admin.run(f"alter function {finish_job.replace('procrastinate_finish_job_v1', 'gone')} "
                      "rename to procrastinate_finish_job_v1")  # fmt: skip

    [interaction] = admin.insert()
    async with working_on(process=process_unrecorded):
        await until(lambda: admin.jobs() == [])
    assert begun == [interaction] * 2
    assert admin.effects() == [interaction]


async def test_a_job_that_was_removed_while_it_ran_does_not_stop_its_worker(admin: Admin, working_on) -> None:
    async def process_unasked(database: Database, embedder: object, interaction: UUID) -> None:
        admin.run("delete from jobs.procrastinate_jobs where args ->> 'interaction_id' = %s", str(interaction))
        await finish(database, interaction)

    interactions = admin.insert("A", 5)
    async with working_on(process=process_unasked, concurrency=1):
        await until(lambda: len(admin.effects()) == 5)
    assert admin.effects() == interactions


async def test_a_worker_comes_back_after_its_database_was_killed(data_dir: Path) -> None:
    settings = Settings(_env_file=None, data_dir=data_dir)
    database = await open_database(settings)
    stop = asyncio.Event()
    endings: list[Ending] = []
    try:
        with open_local(settings) as server:
            url = server.url("postgres")
            with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
                [interaction] = Admin(connection).insert()
            worker = asyncio.create_task(
                run_worker(
                    settings,
                    database,
                    None,
                    stop=stop,
                    pace=QUICK,
                    process=process,
                    learn=learn,
                    ended=lambda _, ending: endings.append(ending),
                )
            )
            await until(lambda: Ending.DONE in endings)
            os.kill(int((data_dir / "postgres/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)

            # The worker itself starts the embedded server again.
            async def done_again() -> bool:
                try:
                    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as again:
                        await again.execute("update interactions set state = 'received' where id = %s", (interaction,))
                        await again.execute("select motif.defer_interactions(array[%s]::uuid[])", (interaction,))
                except psycopg.OperationalError:
                    return False
                return True

            await until(done_again)
            await until(lambda: endings.count(Ending.DONE) == 2)
            stop.set()
            await worker
    finally:
        await database.close()


async def test_a_worker_without_its_tables_says_so_instead_of_waiting_for_them(
    admin: Admin, settings: Settings, database: Database
) -> None:
    admin.run("alter schema jobs rename to elsewhere")
    with pytest.raises(DatabaseError, match="queue cannot be used"):
        await run_worker(settings, database, None, pace=QUICK, process=process, learn=learn)
