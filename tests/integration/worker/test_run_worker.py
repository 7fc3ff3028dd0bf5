"""A worker at work: what it does, in which order, how often, and how it stops."""

import asyncio
from uuid import UUID

import pytest
from msgspec.structs import replace
from working import QUICK, Admin, finish, learn, process, until

from service.errors import ConfigurationError, NotFound
from service.settings import Settings
from service.storage import jobs
from service.storage.database import Database, Role
from service.worker import Ending, run_worker

NEVER = "0 0 29 2 *"


async def test_once_does_what_waits_and_ends(admin: Admin, work_off) -> None:
    interactions = admin.insert("A", 5)
    admin.insert("B", 3, kind="commit")
    await work_off()
    assert sorted(admin.effects(), key=str) == sorted([*interactions, admin.projects["B"]], key=str)
    assert admin.jobs() == []


async def test_once_waits_for_the_jobs_it_has_begun(admin: Admin, work_off) -> None:
    admin.insert()
    last_for = QUICK.grace_s * 2

    async def process_slowly(database: Database, embedder: object, interaction: UUID) -> None:
        await asyncio.sleep(last_for)
        await finish(database, interaction)

    await work_off(process=process_slowly)
    assert len(admin.effects()) == 1


async def test_a_job_begins_when_its_insert_is_committed(admin: Admin, working_on) -> None:
    # Without poll and sweep only notifications are left. One that comes while the worker looks for jobs is lost to it,
    # hence more than one insert.
    async with working_on(pace=replace(QUICK, poll_s=3600.0, sweep=NEVER)):
        await until(lambda: admin.insert() and admin.effects())


async def test_a_job_whose_notification_got_lost_is_found_by_the_poll(admin: Admin, working_on) -> None:
    admin.run("alter table jobs.procrastinate_jobs disable trigger procrastinate_jobs_notify_queue_job_inserted_v1")
    async with working_on(pace=replace(QUICK, sweep=NEVER)):
        await until(lambda: admin.run("select id from jobs.procrastinate_workers"))
        [interaction] = admin.insert()
        await until(lambda: admin.state(interaction) == "done")


async def test_urgent_jobs_are_begun_first(admin: Admin, work_off) -> None:
    backfill, interactive, webhook = (admin.insert(priority=p)[0] for p in ("backfill", "interactive", "webhook"))
    admin.insert(kind="commit", priority="backfill")
    await work_off(concurrency=1)
    assert admin.effects() == [webhook, interactive, backfill, admin.projects["A"]]


async def test_two_workers_at_once_do_every_interaction_once(admin: Admin, working_on) -> None:
    running: set[UUID] = set()
    begun: list[UUID] = []

    async def process_alone(database: Database, embedder: object, interaction: UUID) -> None:
        assert interaction not in running
        running.add(interaction)
        begun.append(interaction)
        await finish(database, interaction)
        running.discard(interaction)

    interactions = admin.insert("A", 60) + admin.insert("B", 60)
    async with working_on(process=process_alone), working_on(process=process_alone):
        await until(lambda: admin.jobs() == [])
    assert sorted(begun, key=str) == sorted(interactions, key=str)
    assert len(admin.effects()) == len(interactions)


async def test_a_failed_job_is_tried_again_and_then_marked_with_a_code(admin: Admin, work_off, working_on) -> None:
    tried: list[UUID] = []

    async def fail(database: Database, embedder: object, interaction: UUID) -> None:
        tried.append(interaction)
        raise ValueError("text that nobody else may read")

    [interaction] = admin.insert()
    async with working_on(process=fail):
        await until(lambda: admin.state(interaction) == "failed" and admin.jobs("status = 'failed'"))
    assert len(tried) == QUICK.attempts
    [row] = admin.run("select state, error from interactions")
    assert (row["state"], row["error"]) == ("failed", "internal: ValueError")
    [job] = admin.jobs()
    assert (job["status"], job["attempts"]) == ("failed", QUICK.attempts)


async def test_a_job_that_failed_once_is_done_at_the_next_attempt(admin: Admin, working_on) -> None:
    tried: list[UUID] = []
    endings: list[tuple[str, Ending]] = []

    async def fail_once(database: Database, embedder: object, interaction: UUID) -> None:
        tried.append(interaction)
        if len(tried) == 1:
            raise OSError
        await finish(database, interaction)

    [interaction] = admin.insert()
    async with working_on(process=fail_once, ended=lambda task, ending: endings.append((task, ending))):
        await until(lambda: admin.state(interaction) == "done" and admin.jobs() == [])
    assert endings == [("process_interaction", Ending.RETRY), ("process_interaction", Ending.DONE)]


async def test_what_cannot_get_better_fails_at_once(admin: Admin, work_off) -> None:
    async def refuse(database: Database, embedder: object, interaction: UUID) -> None:
        raise ConfigurationError("MOTIF_X is wrong.")

    [interaction] = admin.insert()
    await work_off(process=refuse)
    assert admin.state(interaction) == "failed"
    assert [job["attempts"] for job in admin.jobs()] == [1]


async def test_an_interaction_that_is_gone_is_no_failure(admin: Admin, work_off) -> None:
    async def miss(database: Database, embedder: object, interaction: UUID) -> None:
        raise NotFound("The interaction is gone.")

    admin.insert()
    admin.run("delete from projects")
    await work_off(process=miss)
    assert admin.jobs() == []


async def test_a_history_that_cannot_be_learned_goes_on_waiting_and_says_why(
    admin: Admin, database: Database, working_on, work_off
) -> None:
    async def fail(database: Database, embedder: object, project: UUID, *, wait: bool) -> None:
        raise OSError

    admin.insert(kind="commit", number=2)
    async with working_on(learn=fail):
        await until(lambda: [job["status"] for job in admin.jobs()] == ["failed"])
    async with database.transaction(Role.SERVICE) as connection:
        [job] = await jobs.list_jobs(connection, status="failed")
    assert (job.task, job.error, job.project_id) == ("learn_history", "internal: OSError", admin.projects["A"])
    assert [row["state"] for row in admin.run("select state from interactions")] == ["received"] * 2
    # The next commit that comes has all of them tried again.
    admin.insert(kind="commit")
    await work_off()
    assert [row["state"] for row in admin.run("select state from interactions")] == ["done"] * 3


async def test_a_retry_does_not_collide_with_the_job_that_waits_behind_it(admin: Admin, working_on) -> None:
    """It did: the job stayed "doing" with its lock, and the project was never learned again."""
    begun: list[UUID] = []

    async def fail_once(database: Database, embedder: object, project: UUID, *, wait: bool) -> int:
        begun.append(project)
        if len(begun) == 1:
            admin.insert(kind="commit")
            raise OSError
        return await learn(database, embedder, project, wait=wait)

    admin.insert(kind="commit")
    async with working_on(learn=fail_once):
        await until(lambda: admin.jobs() == [] and len(begun) == 3)
    assert admin.effects() == [admin.projects["A"]]


async def test_a_history_that_somebody_else_learns_is_come_back_to_without_using_up_attempts(
    admin: Admin, working_on
) -> None:
    begun: list[UUID] = []

    async def learn_late(database: Database, embedder: object, project: UUID, *, wait: bool) -> int | None:
        assert not wait
        begun.append(project)
        return None if len(begun) <= 2 * QUICK.attempts else await learn(database, embedder, project, wait=wait)

    admin.insert(kind="commit", priority="webhook")
    async with working_on(learn=learn_late):
        await until(lambda: len(begun) == 3)
        await until(lambda: [job["priority"] for job in admin.jobs()] == [3000])
        await until(lambda: admin.jobs() == [] and admin.effects() == [admin.projects["A"]])
    assert len(begun) == 2 * QUICK.attempts + 1


async def test_a_failed_job_that_is_retried_has_all_its_attempts_before_it(
    admin: Admin, database: Database, working_on, work_off
) -> None:
    async def refuse(database: Database, embedder: object, interaction: UUID) -> None:
        raise ConfigurationError("MOTIF_X is wrong.")

    [interaction] = admin.insert()
    await work_off(process=refuse)
    [job] = admin.jobs()
    async with database.transaction(Role.SERVICE) as connection:
        assert await jobs.retry_failed(connection, job["id"]) == [job["id"]]
    assert admin.state(interaction) == "received"
    assert [(job["status"], job["attempts"]) for job in admin.jobs()] == [("todo", 0)]
    await work_off()
    assert admin.state(interaction) == "done"


async def test_a_worker_that_is_stopped_lets_its_job_end(admin: Admin, working_on) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def process_slowly(database: Database, embedder: object, interaction: UUID) -> None:
        begun.set()
        await go_on.wait()
        await finish(database, interaction)

    [interaction] = admin.insert()
    async with working_on(process=process_slowly, pace=replace(QUICK, grace_s=30.0)) as stop:
        await begun.wait()
        stop.set()
        go_on.set()
    assert admin.state(interaction) == "done"
    assert admin.jobs() == []
    assert admin.run("select id from jobs.procrastinate_workers") == []


@pytest.mark.parametrize("how", ["stop", "cancel"])
async def test_a_worker_that_is_stopped_gives_back_a_job_that_does_not_end(
    admin: Admin, database: Database, settings: Settings, work_off, how: str
) -> None:
    begun, stop = asyncio.Event(), asyncio.Event()
    endings: list[Ending] = []

    async def hang(database: Database, embedder: object, interaction: UUID) -> None:
        begun.set()
        await asyncio.Event().wait()

    [interaction] = admin.insert()
    worker = asyncio.create_task(
        run_worker(
            settings,
            database,
            None,
            stop=stop,
            pace=QUICK,
            process=hang,
            ended=lambda _, ending: endings.append(ending),
        )
    )
    await begun.wait()
    if how == "stop":
        stop.set()
    else:
        worker.cancel()
    await asyncio.wait([worker], timeout=10)
    assert worker.done()
    assert worker.cancelled() == (how == "cancel")
    assert endings == [Ending.GIVEN_BACK]
    assert [job["status"] for job in admin.jobs()] == ["todo"]
    await work_off()
    assert admin.effects() == [interaction]


async def test_as_many_jobs_at_once_as_asked_for_and_no_more(admin: Admin, work_off) -> None:
    running, most = 0, 0
    enough = asyncio.Event()

    async def count(database: Database, embedder: object, interaction: UUID) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 8:
            enough.set()
        await enough.wait()
        await process(database, embedder, interaction)
        running -= 1

    admin.insert("A", 20)
    await work_off(concurrency=8, process=count)  # the pool has 6
    assert most == 8
    assert len(admin.effects()) == 20
