"""A whole history at once: intake and learning under one lock, so that nobody learns from half of it."""

from collections.abc import Callable, Collection, Iterator

import msgspec

from routing.task import Priority
from service.extraction.intake import store_interactions
from service.extraction.interaction import Interaction
from service.extraction.pipeline import Found, Learned, Progress, learn_waiting, learning
from service.matching.embed import Embedder
from service.matching.model import active_model
from service.storage import interactions, jobs
from service.storage.database import Caller, Database, Role
from service.storage.projects import Project, Source, create_project, create_source

Reader = Callable[[Collection[str]], Iterator[Interaction]]


class Mined(msgspec.Struct, frozen=True):
    """What a run of `motif mine` did; `new` counts the commits that were not there before."""

    project: Project
    new: int
    learned: Learned


async def mine(
    database: Database,
    embedder: Embedder | None,
    caller: Caller,
    read: Reader,
    *,
    project_name: str,
    source_name: str,
    source_id: str,
    progress: Progress,
    found: Found,
    waiting: Callable[[], None],
) -> Mined:
    """Store what `read` yields and learn from it; `read` is given the keys that are stored already.

    `waiting` is called when somebody else is learning the same project and this run waits for them. Interrupted at any
    point, the next run goes on: interactions are kept batch by batch, patterns are written in one transaction.
    """
    async with database.transaction(Role.SERVICE) as connection:
        project = await create_project(connection, caller, project_name)
        source = await create_source(connection, project, "repository", source_name, source_id)
    async with learning(database, project.id, wait=False) as taken:
        if taken:
            return await _read_and_learn(database, embedder, project, source, read, progress, found)
    waiting()
    async with learning(database, project.id):
        return await _read_and_learn(database, embedder, project, source, read, progress, found)


async def _read_and_learn(
    database: Database,
    embedder: Embedder | None,
    project: Project,
    source: Source,
    read: Reader,
    progress: Progress,
    found: Found,
) -> Mined:
    async with database.transaction(Role.SERVICE) as connection:
        # Asked before the history is read: a model that does not fit is to be told at once.
        await active_model(connection, embedder)
        known = await interactions.known_keys(connection, source)
    arrived = 0

    def count(batch: int) -> None:
        nonlocal arrived
        arrived += batch
        progress("read", arrived, 0)

    new = await store_interactions(database, source, read(known), priority=Priority.BACKFILL, progress=count)
    learned = await learn_waiting(database, embedder, source.project_id, progress=progress, found=found)
    async with database.transaction(Role.SERVICE) as connection:
        # The job that intake queued has nothing left to do.
        await jobs.cancel_waiting_learn(connection, source.project_id)
    return Mined(project, new, learned)
