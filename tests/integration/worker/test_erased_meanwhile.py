"""Workers and erasure: what is under way ends and brings nothing back, and what is over its time goes by itself."""

from uuid import UUID

from working import Admin, until

from service.erasure import erasing
from service.extraction import pipeline
from service.storage.database import Caller, Database
from service.worker import Ending

SERVICE = Caller(None)


async def test_a_job_whose_project_is_erased_under_it_ends_and_leaves_nothing(
    admin: Admin, database: Database, work_off
) -> None:
    admin.insert("A", 3)
    beside = admin.insert("B", 1)
    endings: list[tuple[str, Ending]] = []

    async def erase_first(database: Database, embedder: None, interaction: UUID) -> object:
        if interaction not in beside and admin.run("select id from projects where name = 'A'"):
            await erasing.erase_project(database, SERVICE, admin.projects["A"])
        return await pipeline.process_interaction(database, embedder, interaction)

    await work_off(process=erase_first, ended=lambda task, ending: endings.append((task, ending)), concurrency=1)
    assert {ending for task, ending in endings if task == "process_interaction"} == {Ending.DONE}
    assert len(endings) - sum(task == "sweep" for task, _ in endings) == 2  # the other two of A were never begun
    assert admin.run("select project_id from interactions") == [{"project_id": admin.projects["B"]}]
    assert admin.jobs() == []


async def test_a_job_whose_history_is_erased_under_it_ends_and_leaves_nothing(
    admin: Admin, database: Database, work_off
) -> None:
    admin.insert("A", 3, kind="commit")
    endings: list[Ending] = []

    async def erase_first(database: Database, embedder: None, project: UUID, *, wait: bool) -> object:
        await erasing.erase_project(database, SERVICE, project)
        return await pipeline.learn_history(database, embedder, project, wait=wait)

    await work_off(learn=erase_first, ended=lambda task, ending: endings.append(ending) if task != "sweep" else None)
    assert endings == [Ending.DONE]
    assert admin.run("select id from interactions") == []
    assert admin.jobs() == []


async def test_each_sweep_erases_what_is_over_its_time(admin: Admin, working_on) -> None:
    old, new = admin.insert("A", 2, state="done"), admin.insert("B", 2, state="done")
    admin.run("update sources set retention_days = 7 where id = %s", admin.sources["A"])
    admin.run("update interactions set created_at = now() - interval '8 days'")
    async with working_on():
        await until(lambda: len(admin.run("select id from interactions")) == len(new))
    assert {row["id"] for row in admin.run("select id from interactions")} == set(new)
    assert old
    assert admin.run("select action from audit where action like 'erasure%%'") == [{"action": "erasure.retention"}]
