"""The tasks of the queue. The row's state is the truth, a job only reminds of it."""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec
import procrastinate
from procrastinate import JobContext
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from service.erasure.retention import retain
from service.errors import DatabaseUnavailable
from service.log import logger
from service.matching.embedder import Embedder
from service.storage import jobs, spending
from service.storage.database import Connection, Database, Role
from service.worker.attempt import Attempts, Ending, JobFailed
from service.worker.pace import Pace

QUEUE = "motif"
# Before everything else: it takes milliseconds, and jobs may be waiting for nothing but it.
_SWEEP_PRIORITY = 9000


class Learn(Protocol):
    """See pipeline.learn_history."""

    async def __call__(
        self, database: Database, embedder: Embedder | None, project_id: UUID, *, wait: bool
    ) -> object | None:
        """Learn a project's history; without `wait` None when somebody else is at it."""


class Process(Protocol):
    """See pipeline.process_interaction."""

    async def __call__(self, database: Database, embedder: Embedder | None, interaction_id: UUID) -> object:
        """Learn from one interaction; harmless to repeat, even while another worker does the same."""


class Work(msgspec.Struct, frozen=True):
    """What the tasks work with."""

    database: Database
    embedder: Embedder | None
    learn: Learn
    process: Process
    pace: Pace
    attempts: Attempts


class _AsDecided(BaseRetryStrategy):
    """Hands on what the attempt decided; a job that was cut off waits again at once."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if not isinstance(exception, JobFailed):
            return RetryDecision(retry_at=datetime.now(UTC))
        if exception.wait_s is None:
            return None
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=exception.wait_s))


def register(queue: procrastinate.App, work: Work) -> None:
    """Give the queue its tasks."""
    retry = _AsDecided()

    async def process_interaction(context: JobContext, interaction_id: str) -> None:
        interaction = UUID(interaction_id)

        async def attempt() -> Ending:
            await work.process(work.database, work.embedder, interaction)
            return Ending.DONE

        async def give_up(connection: Connection, code: str) -> None:
            await jobs.fail_interaction(connection, interaction, code)

        await work.attempts.carry_out(context.job, attempt, give_up, interaction_id=interaction_id)

    async def learn_history(context: JobContext, project_id: str) -> None:
        project, priority = UUID(project_id), context.job.priority

        async def attempt() -> Ending:
            if await work.learn(work.database, work.embedder, project, wait=False) is not None:
                return Ending.DONE
            # Another job instead of this one's retry: waiting for somebody else is no failed attempt.
            async with work.database.transaction(Role.SERVICE) as connection:
                await jobs.postpone_learning(connection, project, priority=priority, wait_s=work.pace.busy_s)
            return Ending.POSTPONED

        async def give_up(connection: Connection, code: str) -> None:
            await jobs.note_learning_error(connection, project, code)

        await work.attempts.carry_out(context.job, attempt, give_up, project_id=project_id)

    async def sweep_now_and_then(context: JobContext, timestamp: int) -> None:
        del timestamp  # the queue's, for telling one sweep from the next
        if context.job.worker_id is not None:
            # A machine that slept wakes up with its own heartbeat missed.
            await queue.job_manager.update_heartbeat(context.job.worker_id)
        try:
            await sweep(work.database, work.pace)
            for receipt in await retain(work.database, work.embedder, longest_s=work.pace.retain_s):
                ids = {"project_id": str(receipt.project_id), "source_id": receipt.target}
                logger().info("retention", **ids, **receipt.removed)
        except DatabaseUnavailable as error:  # the next one comes soon
            logger().warning("sweep failed", code=error.code)

    async def scrub(context: JobContext) -> None:
        async def attempt() -> Ending:
            await work.database.scrub()
            return Ending.DONE

        async def give_up(connection: Connection, code: str) -> None:
            del connection, code  # no rows say that files are to be rewritten: `motif jobs list` shows the failed job

        await work.attempts.carry_out(context.job, attempt, give_up)

    queue.task(name="scrub", queue=QUEUE, pass_context=True, retry=retry)(scrub)
    queue.task(name="process_interaction", queue=QUEUE, pass_context=True, retry=retry)(process_interaction)
    queue.task(name="learn_history", queue=QUEUE, pass_context=True, retry=retry)(learn_history)
    queue.periodic(cron=work.pace.sweep)(
        queue.task(name="sweep", queue=QUEUE, pass_context=True, priority=_SWEEP_PRIORITY, queueing_lock="sweep")(
            sweep_now_and_then
        )
    )


async def sweep(database: Database, pace: Pace) -> None:
    """Put right what crashes left behind; may be run by anybody at any time."""
    async with database.transaction(Role.SERVICE) as connection:
        swept = await jobs.sweep(
            connection,
            stalled_s=pace.stalled_s,
            stranded_s=pace.stranded_s,
            attempts=pace.attempts,
            keep_s=pace.keep_failed_s,
        )
    if any(msgspec.structs.astuple(swept)):
        logger().info("swept", **msgspec.structs.asdict(swept))
    await spending.sweep(database)
