"""Jobs: what waits, runs or failed. Ids and states only; what a job is about stands in its interaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from service.errors import Conflict, NotFound
from service.storage.database import Connection
from service.storage.queries import load

SQL = load("jobs")

# Stands as the error of an interaction whose workers died one after the other.
WORKER_LOST = "worker-lost"


class Job(msgspec.Struct, frozen=True):
    """One job. `priority`: a higher one goes first. `attempts`: those that are over. `error`: a code, no content."""

    id: int
    task: str
    project_id: UUID | None
    interaction_id: UUID | None
    priority: int
    status: str
    attempts: int
    scheduled_at: datetime | None
    error: str | None


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did: jobs of dead workers that wait again or failed, interactions that got a job, jobs removed."""

    given_back: int
    failed: int
    deferred: int
    pruned: int


async def become_queue(connection: AsyncConnection[Any], longest_idle_s: float) -> None:
    """Make this transaction the queue's; it may not stand still for longer."""
    await connection.execute(SQL["become_queue"], (str(round(longest_idle_s * 1000)),))


async def list_jobs(connection: Connection, *, status: str | None = None, limit: int = 50) -> list[Job]:
    """Jobs of a status (todo, doing, failed, ...) or of all, at most `limit`; waiting ones as they will be taken."""
    cursor = await connection.execute(SQL["list_jobs"], {"status": status, "limit": limit})
    return [msgspec.convert(row, Job) for row in await cursor.fetchall()]


async def retry_failed(connection: Connection, job_id: int | None = None) -> list[int]:
    """Let a failed job, or all of them, be tried from the start; returns their ids.

    Raises NotFound for an id that is not there, Conflict for a job that has not failed.
    """
    cursor = await connection.execute(SQL["retry_failed"], {"id": job_id})
    retried = [int(row["id"]) for row in await cursor.fetchall()]
    if retried:
        await connection.execute(SQL["wake"])
    elif job_id is not None:
        status = await _status_of(connection, job_id)
        if status is None:
            raise NotFound(f"There is no job {job_id}.", fix="`motif jobs list` shows those there are.")
        raise Conflict(
            f"Job {job_id} has not failed, it is {_WORDS.get(status, status)}.", fix="Only failed jobs can be retried."
        )
    return retried


async def cancel_waiting_learn(connection: Connection, project_id: UUID) -> int:
    """Remove the jobs that wait, or failed, to learn a history that is learned; 0 while a commit of it waits."""
    ids = {"lock": f"learn:{project_id}", "project_id": project_id}
    # First the jobs, then the look at the commits: whoever inserts one holds the job until it can be seen.
    await connection.execute(SQL["hold_jobs"], ids)
    return (await connection.execute(SQL["cancel_learn"], ids)).rowcount


async def cancel_waiting_process(connection: Connection, interaction_id: UUID) -> int:
    """Remove the jobs that wait, or failed, to process an interaction that is done."""
    ids = {"lock": f"interaction:{interaction_id}", "interaction_id": interaction_id}
    await connection.execute(SQL["hold_jobs"], ids)
    return (await connection.execute(SQL["cancel_process"], ids)).rowcount


async def fail_interaction(connection: Connection, interaction_id: UUID, error: str) -> None:
    """Mark an interaction that is not done as failed; `error` is a code, no content."""
    await connection.execute(SQL["fail_interaction"], {"interaction_id": interaction_id, "error": error})


async def note_learning_error(connection: Connection, project_id: UUID, error: str) -> None:
    """Say with a project's waiting commits why its history was not learned; they go on waiting."""
    await connection.execute(SQL["note_learning_error"], {"project_id": project_id, "error": error})


async def postpone_learning(connection: Connection, project_id: UUID, *, priority: int, wait_s: float) -> None:
    """Have a project's history learned later, unless a job for it waits already."""
    await connection.execute(
        SQL["postpone_learning"], {"project_id": project_id, "priority": priority, "wait_s": wait_s}
    )


async def sweep(connection: Connection, *, stalled_s: float, stranded_s: float, attempts: int, keep_s: float) -> Swept:
    """Put right what crashes left behind.

    `stalled_s`: a worker that gave no sign of life for so long is dead. `stranded_s`: an interaction this old needs a
    job. `attempts`: how many a job has. `keep_s`: how long failed jobs are kept.
    """
    await connection.execute(SQL["do_not_hold_up"], {"milliseconds": str(round(stalled_s * 1000))})
    await connection.execute(SQL["drop_lost_sweeps"], {"stalled_s": stalled_s})
    cursor = await connection.execute(SQL["rescue"], {"stalled_s": stalled_s, "attempts": attempts})
    lost = await cursor.fetchall()
    failed = [row for row in lost if row["status"] == "failed"]
    for row in failed:
        await _note_lost(connection, row)
    if len(lost) > len(failed):
        await connection.execute(SQL["wake"])
    [row] = await (await connection.execute(SQL["defer_stranded"], {"stranded_s": stranded_s})).fetchall()
    pruned = (await connection.execute(SQL["prune_jobs"], {"keep_s": keep_s})).rowcount
    await connection.execute(SQL["prune_workers"])
    return Swept(len(lost) - len(failed), len(failed), row["deferred"], pruned)


async def give_back(connection: Connection, job_id: int, worker_id: int) -> bool:
    """Let a job of this worker wait again; False when the worker does not have it any more."""
    cursor = await connection.execute(SQL["give_back"], {"id": job_id, "worker_id": worker_id})
    if cursor.rowcount:
        await connection.execute(SQL["wake"])
    return bool(cursor.rowcount)


async def busy(connection: Connection, worker_id: int | None) -> bool:
    """Whether this worker runs a job or one waits that it could take now."""
    [row] = await (await connection.execute(SQL["busy"], {"worker_id": worker_id})).fetchall()
    return bool(row["busy"])


_WORDS = {"todo": "waiting", "doing": "running"}


async def _status_of(connection: Connection, job_id: int) -> str | None:
    row = await (await connection.execute(SQL["status_of"], {"id": job_id})).fetchone()
    return row["status"] if row else None


async def _note_lost(connection: Connection, row: dict[str, Any]) -> None:
    if row["interaction_id"]:
        await fail_interaction(connection, row["interaction_id"], WORKER_LOST)
    elif row["project_id"]:
        await note_learning_error(connection, row["project_id"], WORKER_LOST)
