"""What the sweeper puts right, and what it leaves alone."""

import asyncio

import pytest
from msgspec.structs import replace
from working import QUICK, Admin

from service.storage import jobs
from service.storage.database import Database, Role
from service.worker.pace import Pace
from service.worker.tasks import sweep

AT_ONCE = replace(QUICK, stranded_s=-1.0)


def strand(admin: Admin) -> None:
    """Take all jobs away, as if they had never been deferred."""
    admin.run("delete from jobs.procrastinate_jobs")


async def test_what_waits_without_a_job_is_given_one(admin: Admin, database: Database) -> None:
    admin.insert("A", 2)
    admin.insert("A", 2, kind="commit")
    strand(admin)
    await sweep(database, AT_ONCE)
    assert sorted(job["task_name"] for job in admin.jobs()) == ["learn_history"] + 2 * ["process_interaction"]


async def test_a_second_sweep_doubles_nothing(admin: Admin, database: Database) -> None:
    admin.insert("A", 3)
    admin.insert("B", 3, kind="commit")
    strand(admin)
    await sweep(database, AT_ONCE)
    before = admin.jobs()
    await sweep(database, AT_ONCE)
    assert admin.jobs() == before


async def test_sweeps_at_once_double_nothing(admin: Admin, database: Database) -> None:
    admin.insert("A", 50)
    strand(admin)
    await asyncio.gather(*(sweep(database, AT_ONCE) for _ in range(4)))
    assert len(admin.jobs()) == 50


async def test_a_document_is_found_although_its_projects_history_has_a_job(admin: Admin, database: Database) -> None:
    [document] = admin.insert()
    strand(admin)
    admin.insert(kind="commit")
    await sweep(database, AT_ONCE)
    assert [job["args"] for job in admin.jobs("task_name = 'process_interaction'")] == [
        {"interaction_id": str(document)}
    ]


async def test_what_was_left_in_the_middle_waits_again(admin: Admin, database: Database) -> None:
    [interaction] = admin.insert(state="processing")
    await sweep(database, AT_ONCE)
    assert admin.state(interaction) == "received"
    assert len(admin.jobs()) == 1


@pytest.mark.parametrize("status", ["todo", "doing", "failed"])
async def test_what_has_a_job_is_left_alone(admin: Admin, database: Database, status: str) -> None:
    admin.insert(kind="commit")
    [worker] = admin.run("insert into jobs.procrastinate_workers default values returning id")
    admin.run("update jobs.procrastinate_jobs set status = %s, worker_id = %s", status, worker["id"])
    await sweep(database, AT_ONCE)
    assert [job["status"] for job in admin.jobs()] == [status]


async def test_what_has_just_come_is_left_to_its_own_transaction(admin: Admin, database: Database) -> None:
    admin.insert()
    strand(admin)
    await sweep(database, Pace())
    assert admin.jobs() == []


async def test_a_dead_workers_job_waits_again(admin: Admin, database: Database) -> None:
    [interaction] = admin.insert()
    fetch_as_dead_worker(admin)
    await sweep(database, QUICK)
    assert [(job["status"], job["attempts"]) for job in admin.jobs()] == [("todo", 1)]
    assert admin.state(interaction) == "received"


async def test_a_dead_workers_history_waits_again_beside_a_later_job_of_its_project(
    admin: Admin, database: Database
) -> None:
    admin.insert(kind="commit")
    fetch_as_dead_worker(admin)
    admin.insert(kind="commit")
    await sweep(database, QUICK)
    assert [job["status"] for job in admin.jobs()] == ["todo", "todo"]


async def test_a_live_workers_job_is_left_alone(admin: Admin, database: Database) -> None:
    admin.insert()
    fetch_as_dead_worker(admin)
    admin.run("update jobs.procrastinate_workers set last_heartbeat = now()")
    await sweep(database, QUICK)
    assert [job["status"] for job in admin.jobs()] == ["doing"]


async def test_a_job_that_kills_its_workers_is_given_up(admin: Admin, database: Database) -> None:
    [interaction] = admin.insert()
    for _ in range(QUICK.attempts):
        fetch_as_dead_worker(admin)
        await sweep(database, QUICK)
    assert [(job["status"], job["attempts"]) for job in admin.jobs()] == [("failed", QUICK.attempts)]
    assert admin.run("select state, error from interactions where id = %s", interaction) == [
        {"state": "failed", "error": jobs.WORKER_LOST}
    ]


async def test_a_history_that_kills_its_workers_is_given_up_and_says_why(admin: Admin, database: Database) -> None:
    admin.insert(kind="commit")
    for _ in range(QUICK.attempts):
        fetch_as_dead_worker(admin)
        await sweep(database, QUICK)
    await sweep(database, AT_ONCE)
    async with database.transaction(Role.SERVICE) as connection:
        assert [(job.status, job.error) for job in await jobs.list_jobs(connection)] == [("failed", jobs.WORKER_LOST)]


async def test_failed_jobs_are_kept_for_a_while_only(admin: Admin, database: Database) -> None:
    admin.insert("A", 2)
    admin.run("update jobs.procrastinate_jobs set status = 'doing'")
    admin.run("update jobs.procrastinate_jobs set status = 'failed'")
    [kept, old] = admin.jobs()
    admin.run("update jobs.procrastinate_events set at = now() - interval '31 days' where job_id = %s", old["id"])
    await sweep(database, Pace())
    assert [job["id"] for job in admin.jobs()] == [kept["id"]]


def fetch_as_dead_worker(admin: Admin) -> None:
    [worker] = admin.run(
        "insert into jobs.procrastinate_workers (last_heartbeat) values (now() - interval '1 day') returning id"
    )
    admin.run("select jobs.procrastinate_fetch_job_v2('{motif}', %s)", worker["id"])
    assert admin.jobs("status = 'doing'")
