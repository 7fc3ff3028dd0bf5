"""A whole history at once: intake and learning under one lock, so that nobody learns from half of it."""

from collections.abc import Callable, Collection, Iterator

import msgspec

from routing.task import Priority
from service.errors import Conflict
from service.extraction.intake import store_interactions
from service.extraction.interaction import Interaction
from service.extraction.pipeline import Found, Learned, Progress, learn_waiting, learning
from service.matching.embedder import Embedder
from service.matching.model import active_model
from service.storage import interactions, jobs
from service.storage.database import Caller, Connection, Database, Role
from service.storage.projects import Project, create_project
from service.storage.sources import Source, create_source, repositories


class History(msgspec.Struct, frozen=True):
    """A history to mine. `read` is given the keys that are stored already and yields the other commits.

    `source_id` tells it from other histories, `name` is for people. `shas`: all of its commits, where `source_id` alone
    could be another history's too; None where it cannot.
    """

    name: str
    source_id: str
    read: Callable[[Collection[str]], Iterator[Interaction]]
    shas: Collection[str] | None = None


class Mined(msgspec.Struct, frozen=True):
    """What a run of `motif mine` did; `new` counts the commits that were not there before, `known` all of them."""

    project: Project
    new: int
    known: int
    learned: Learned


async def mine(
    database: Database,
    embedder: Embedder | None,
    caller: Caller,
    history: History,
    *,
    project_name: str | None,
    progress: Progress,
    found: Found,
    waiting: Callable[[], None],
) -> Mined:
    """Store a history's commits and learn from them, into the named project or one of the history's own name.

    `waiting` is called when somebody else is learning the same project and this run waits for them. Interrupted at any
    point, the next run goes on: interactions are kept batch by batch, patterns are written in one transaction. Raises
    Conflict when, without a name given, the project learns from another history.
    """
    async with database.transaction(Role.SERVICE) as connection:
        project = await create_project(
            connection, caller, project_name or history.name.rsplit("/", 1)[-1], chosen=project_name is not None
        )
        source = await _source(connection, project, history, chosen=project_name is not None)
    async with learning(database, project.id, wait=False) as taken:
        if taken:
            return await _read_and_learn(database, embedder, project, source, history, progress, found)
    waiting()
    async with learning(database, project.id):
        return await _read_and_learn(database, embedder, project, source, history, progress, found)


async def _source(connection: Connection, project: Project, history: History, *, chosen: bool) -> Source:
    """The history's source in the project; one beside the others only if the project was chosen by name."""
    others = await repositories(connection, project)
    if not chosen and others and history.source_id not in others:
        raise _another_history(project, next(iter(others.values())))
    source = await create_source(connection, project, "repository", history.name, history.source_id)
    stored = await interactions.known_keys(connection, source)
    if history.shas is None or not stored or not stored.isdisjoint(history.shas):
        return source
    if not chosen:
        raise _another_history(project, f"other commits under the name {history.name}")
    return await create_source(
        connection, project, "repository", history.name, f"{history.source_id}:{min(history.shas)}"
    )


async def _read_and_learn(
    database: Database,
    embedder: Embedder | None,
    project: Project,
    source: Source,
    history: History,
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

    new = await store_interactions(database, source, history.read(known), priority=Priority.BACKFILL, progress=count)
    learned = await learn_waiting(database, embedder, source.project_id, progress=progress, found=found)
    async with database.transaction(Role.SERVICE) as connection:
        # The job that intake queued has nothing left to do.
        await jobs.cancel_waiting_learn(connection, source.project_id)
    return Mined(project, new, len(known) + new, learned)


def _another_history(project: Project, other: str) -> Conflict:
    return Conflict(
        f"The project {project.name!r} learns from another history already: {other}.",
        fix="Give this one a project of its own with --project NAME, or name that project to learn from both together.",
    )
