"""Runs a worker: keeps it going when the database goes away for a while, and stops it within a bounded time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker

from routing.router import Router
from service.errors import DatabaseError, DatabaseUnavailable
from service.extraction import pipeline
from service.log import logger
from service.matching.embedder import Embedder
from service.models.scoring import weights_of
from service.settings import Settings
from service.storage import jobs
from service.storage.database import Database, Role
from service.worker.attempt import Attempts, Ending
from service.worker.pace import Pace
from service.worker.queue import create_queue
from service.worker.tasks import QUEUE, Learn, Process, Work, sweep

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
# With `once`: how often to look whether anything is left.
_LOOK_FOR_END_S = 0.2


def _unheard(_task: str, _ending: Ending) -> None:
    return


async def run_worker(
    settings: Settings,
    database: Database,
    embedder: Embedder | None,
    router: Router | None = None,
    *,
    stop: asyncio.Event | None = None,
    concurrency: int | None = None,
    once: bool = False,
    pace: Pace | None = None,
    learn: Learn = pipeline.learn_history,
    process: Process | None = None,
    ended: Callable[[str, Ending], object] = _unheard,
) -> None:
    """Take jobs and do them until `stop` is set or the task is cancelled; with `once` until no job can be taken.

    Either way a running job may end within `pace.grace_s`, then it is given back. `concurrency`: jobs at once, the
    settings' by default. `router`: has models read what is no commit; without one the built-in extractor does, as it
    does wherever no model can or may. `ended` is called with a task's name and how a job of it ended. A database that
    goes away is waited for; raises DatabaseError when it is there and cannot be used.
    """
    stop = stop or asyncio.Event()
    pace = pace or Pace()
    attempts = Attempts(database, pace, ended)
    if process is None:
        weights = weights_of(settings)
        # Somebody else may be at it: `motif extract`, or a worker that was taken for dead. They see to it then.
        process = partial(pipeline.process_interaction, router=router, weights=weights, wait=False)
    queue = create_queue(database, Work(database, embedder, learn, process, pace, attempts))
    at_once = concurrency or settings.worker_concurrency
    pause_s = _FIRST_PAUSE_S
    worker: Worker | None = None
    try:
        while not stop.is_set():
            try:
                if worker is not None:
                    await database.revive()
                await queue.open_async()
                if worker is not None and worker.worker_id is not None:
                    # It could not take its leave; its jobs are not to wait until its heartbeat is missed.
                    await queue.job_manager.unregister_worker(worker.worker_id)
                await sweep(database, pace)
                worker = _one_run(queue, pace, at_once, told=not database.pooled)
                pause_s = _FIRST_PAUSE_S
                if await _work(worker, database, stop, once=once):
                    return
            except (ConnectorException, DatabaseUnavailable, psycopg.Error) as error:
                _check_passes(error)
                logger().warning("worker interrupted", error_type=type(error).__name__, again_in_s=pause_s)
            finally:
                # Also after a failed opening, which leaves a pool behind that cannot be opened again.
                await queue.close_async()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    finally:
        await attempts.close()


def _one_run(queue: procrastinate.App, pace: Pace, at_once: int, *, told: bool) -> Worker:
    """Procrastinate's worker; it works until it is stopped or a connection of its own fails.

    `told`: whether it can hear of new jobs, instead of looking for them.
    """
    return Worker(
        queue,
        queues=[QUEUE],
        concurrency=at_once,
        listen_notify=told,
        fetch_job_polling_interval=pace.poll_s if told else pace.poll_pooled_s,
        abort_job_polling_interval=pace.poll_s,
        shutdown_graceful_timeout=pace.grace_s,
        delete_jobs="successful",
        install_signal_handlers=False,
        update_heartbeat_interval=pace.heartbeat_s,
        stalled_worker_timeout=pace.stalled_s,
    )


async def _work(worker: Worker, database: Database, stop: asyncio.Event, *, once: bool) -> bool:
    """Run the worker; whether it ended because it was time to."""
    stopper = asyncio.create_task(_stop_in_time(worker, database, stop, once=once), name="motif-worker-stopper")
    logger().info("worker started", jobs_at_once=worker.concurrency)
    try:
        await worker.run()
        return stopper.done()
    finally:
        stopper.cancel()
        await asyncio.gather(stopper, return_exceptions=True)
        logger().info("worker stopped")


async def _stop_in_time(worker: Worker, database: Database, stop: asyncio.Event, *, once: bool) -> None:
    while not stop.is_set() and not (once and await _is_idle(worker, database)):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_FOR_END_S if once else None)
    worker.stop()


async def _is_idle(worker: Worker, database: Database) -> bool:
    if worker.worker_id is None:  # not registered yet
        return False
    try:
        async with database.transaction(Role.SERVICE) as connection:
            return not await jobs.busy(connection, worker.worker_id)
    except DatabaseUnavailable:
        return False


def _check_passes(error: Exception) -> None:
    """Raise DatabaseError for what waiting does not mend: tables or rights are missing."""
    cause = error.__cause__ if isinstance(error, ConnectorException) else error
    if isinstance(cause, psycopg.ProgrammingError):
        raise DatabaseError(
            f"The queue cannot be used: {type(cause).__name__}.",
            fix="Check MOTIF_DATABASE_URL and run `motif doctor`.",
        ) from error
