"""Which jobs an insert brings about: the trigger, priorities, fairness, and what happens at the same time."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
from working import Admin, learn, process, until

from service.storage import jobs
from service.storage.database import Database, Role
from service.worker.tasks import QUEUE


def test_an_interaction_and_its_job_come_together(admin: Admin) -> None:
    [interaction] = admin.insert()
    [job] = admin.jobs()
    assert (job["queue_name"], job["task_name"], job["args"], job["status"]) == (
        QUEUE, "process_interaction", {"interaction_id": str(interaction)}, "todo",
    )  # fmt: skip


def test_an_insert_that_is_rolled_back_leaves_no_job(admin: Admin) -> None:
    with admin.connection.transaction(force_rollback=True):
        admin.insert()
        admin.insert(kind="commit")
        assert len(admin.jobs()) == 2
    assert admin.jobs() == []


def test_the_commits_of_a_project_share_one_job(admin: Admin) -> None:
    admin.insert("A", 3, kind="commit")
    admin.insert("A", 2, kind="commit")
    admin.insert("B", 1, kind="commit")
    assert [job["args"]["project_id"] for job in admin.jobs()] == [str(admin.projects[name]) for name in "AB"]


@pytest.mark.parametrize("state", ["done", "ignored", "failed", "processing"])
def test_what_does_not_wait_gets_no_job(admin: Admin, state: str) -> None:
    admin.insert(state=state)
    admin.insert(kind="commit", state=state)
    assert admin.jobs() == []


def test_a_repeated_insert_brings_no_second_job(admin: Admin) -> None:
    admin.insert()
    repeat = admin.run(
        """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)
           select project_id, source_id, kind, external_key, occurred_at, text from interactions
           on conflict do nothing returning id"""
    )
    assert repeat == []
    assert len(admin.jobs()) == 1


def test_webhooks_go_before_interactive_before_backfill(admin: Admin) -> None:
    by_priority = {name: admin.insert(priority=name)[0] for name in ("backfill", "webhook", "interactive")}
    order = [UUID(job["args"]["interaction_id"]) for job in admin.jobs()]
    assert order == [by_priority[name] for name in ("webhook", "interactive", "backfill")]


def test_no_flood_sinks_into_the_class_below(admin: Admin) -> None:
    admin.insert("A", 1500, priority="webhook")
    admin.insert("B", 1, priority="interactive")
    assert [job["priority"] for job in admin.jobs()][-2:] == [2001, 2000]


def test_the_commits_of_a_webhook_lift_the_job_that_waits_for_their_project(admin: Admin) -> None:
    admin.insert(kind="commit", priority="backfill")
    admin.insert(kind="commit", priority="webhook")
    admin.insert(kind="commit", priority="interactive")
    assert [job["priority"] for job in admin.jobs()] == [3000]


async def test_one_projects_flood_lets_the_others_first_jobs_pass(admin: Admin, work_off, database: Database) -> None:
    admin.insert("A", 200)
    waiting = {admin.insert("B", 1)[0], *admin.insert("C", 2)}
    await work_off(concurrency=1)
    assert len(admin.effects()) == 203
    # Before B's first there is A's first, before C's second there are A's first two.
    assert waiting < set(admin.effects()[:5])


async def test_what_is_open_already_counts_in_a_later_flood(admin: Admin) -> None:
    admin.insert("A", 10)
    admin.insert("A", 3)
    assert [job["priority"] for job in admin.jobs()] == list(range(2000, 1987, -1))


def test_the_jobs_of_an_insert_come_in_the_order_of_what_happened(admin: Admin) -> None:
    oldest_first = admin.insert("A", 20)
    assert [UUID(job["args"]["interaction_id"]) for job in admin.jobs()] == oldest_first


async def test_a_history_is_not_learned_before_a_running_insert_can_be_seen(
    admin: Admin, database_url: str, work_off
) -> None:
    admin.insert(kind="commit")
    with psycopg.connect(database_url) as other:
        # Finds the job that waits and counts on it.
        other.execute(
            """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)
               select project_id, source_id, kind, 'later', occurred_at, text from interactions"""
        )
        await work_off_nothing(admin, work_off)
        other.commit()
    await work_off()
    assert admin.run("select id from interactions where state <> 'done'") == []
    assert admin.effects() == [admin.projects["A"]]


async def work_off_nothing(admin: Admin, work_off) -> None:
    worker = asyncio.create_task(work_off())
    done, _ = await asyncio.wait([worker], timeout=0.5)
    assert not done, "the job waits, it is not gone"
    assert admin.effects() == []
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def test_commits_that_come_while_their_project_is_learned_get_a_job_of_their_own(
    admin: Admin, working_on
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def learn_slowly(database: Database, embedder: object, project: UUID, *, wait: bool) -> int:
        learned = await learn(database, embedder, project, wait=wait)
        begun.set()
        await go_on.wait()
        return learned

    admin.insert(kind="commit")
    async with working_on(learn=learn_slowly):
        await begun.wait()
        admin.insert(kind="commit")
        assert [job["status"] for job in admin.jobs("task_name = 'learn_history' and status = 'todo'")] == ["todo"]
        go_on.set()
        await until(lambda: len(admin.effects()) == 2 and admin.jobs() == [])


async def test_two_inserts_of_commits_at_once_share_one_job(admin: Admin, database_url: str) -> None:
    second = ("insert into interactions (project_id, source_id, kind, external_key, occurred_at, text) "
              "values (%s, %s, 'commit', 'second', now(), 'text')")  # fmt: skip
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        with admin.connection.transaction():
            admin.insert(kind="commit")
            inserting = asyncio.create_task(other.execute(second, (admin.projects["A"], admin.sources["A"])))
            await until(admin.somebody_waits)
        await inserting
        await other.commit()
    assert [job["status"] for job in admin.jobs()] == ["todo"]


async def test_a_finished_history_takes_its_waiting_job_along(admin: Admin, database: Database) -> None:
    admin.insert(kind="commit")
    project = admin.projects["A"]
    async with database.transaction(Role.SERVICE) as connection:
        assert await jobs.cancel_waiting_learn(connection, project) == 0
    await learn(database, None, project, wait=True)
    async with database.transaction(Role.SERVICE) as connection:
        assert await jobs.cancel_waiting_learn(connection, project) == 1
    assert admin.jobs() == []


async def test_a_history_keeps_its_job_for_commits_that_are_being_inserted(
    admin: Admin, database: Database, database_url: str
) -> None:
    admin.insert(kind="commit")
    project = admin.projects["A"]
    await learn(database, None, project, wait=True)

    async def cancel() -> int:
        async with database.transaction(Role.SERVICE) as connection:
            return await jobs.cancel_waiting_learn(connection, project)

    with psycopg.connect(database_url) as other:
        other.execute(
            """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)
               select project_id, source_id, kind, 'later', occurred_at, text from interactions"""
        )
        cancelling = asyncio.create_task(cancel())
        await until(admin.somebody_waits)
        other.commit()
    assert await cancelling == 0
    assert len(admin.jobs()) == 1


async def test_a_document_that_was_processed_on_the_spot_takes_its_job_along(admin: Admin, database: Database) -> None:
    [interaction] = admin.insert()
    async with database.transaction(Role.SERVICE) as connection:
        assert await jobs.cancel_waiting_process(connection, interaction) == 0
    await process(database, None, interaction)
    async with database.transaction(Role.SERVICE) as connection:
        assert await jobs.cancel_waiting_process(connection, interaction) == 1
    assert admin.jobs() == []


def test_ten_thousand_rows_at_once_are_a_matter_of_seconds(admin: Admin) -> None:
    admin.run("set statement_timeout = '20s'")  # quadratic, as it once was, it took minutes
    admin.insert("A", 10_000)
    assert admin.run("select count(*) from jobs.procrastinate_jobs")[0]["count"] == 10_000


def test_team_clients_defer_through_their_inserts_and_see_no_job(admin: Admin) -> None:
    [person] = admin.run("select id from auth.users limit 1")
    admin.run("insert into project_members (project_id, user_id) values (%s, %s)", admin.projects["A"], person["id"])
    with admin.connection.transaction():
        admin.run("select set_config('request.jwt.claims', %s, true)", f'{{"sub": "{person["id"]}"}}')
        admin.run("set local role authenticated")
        admin.run(
            """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)
               values (%s, %s, 'document', 'd', now(), 'text')""",
            admin.projects["A"], admin.sources["A"],
        )  # fmt: skip
    assert len(admin.jobs()) == 1
    admin.run("set role authenticated")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        admin.jobs()


def test_many_who_raise_the_same_waiting_job_at_once_do_not_deadlock(admin: Admin, database_url: str) -> None:
    project, many = admin.projects["A"], 4
    together = threading.Barrier(many)

    def raise_it(urgency: int) -> None:
        with psycopg.connect(database_url) as connection:
            together.wait(30)
            connection.execute("select motif.defer_learning(%s, %s, null)", (project, urgency))

    admin.insert(kind="commit", priority="backfill")
    with ThreadPoolExecutor(many) as threads:
        for _ in range(15):
            admin.run("update jobs.procrastinate_jobs set priority = 1000")
            list(threads.map(raise_it, range(2000, 2000 + many)))
            assert [job["priority"] for job in admin.jobs()] == [2000 + many - 1]
