"""One attempt at a job: run it, tell how it ended, and decide whether there will be another."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from time import monotonic

import structlog
from procrastinate.jobs import Job

from service.errors import DatabaseUnavailable, NotFound
from service.log import logger
from service.storage import jobs
from service.storage.database import Connection, Database, Role
from service.worker.pace import Pace, error_code, wait_before_retry_s


class Ending(StrEnum):
    """How a job ended."""

    DONE = "done"
    POSTPONED = "postponed"  # somebody else is at it
    RETRY = "retry"  # failed, will be tried again
    FAILED = "failed"  # failed, will not
    GIVEN_BACK = "given_back"  # the worker stopped first


class JobFailed(Exception):
    """Stands for a job's error towards the queue, which logs it: a code, and the wait until the next attempt if any."""

    def __init__(self, code: str, wait_s: float | None) -> None:
        super().__init__(code)
        self.wait_s = wait_s


class Attempts:
    """The attempts of one worker. `ended` hears of every end of a job: its task's name and how."""

    def __init__(self, database: Database, pace: Pace, ended: Callable[[str, Ending], object]) -> None:
        self._database = database
        self._pace = pace
        self._ended = ended
        self._settling: set[asyncio.Task[None]] = set()

    async def carry_out(
        self,
        job: Job,
        attempt: Callable[[], Awaitable[Ending]],
        give_up: Callable[[Connection, str], Awaitable[None]],
        **ids: str,
    ) -> None:
        """Run one attempt and log its end; `give_up` marks the rows after the last one. Raises JobFailed."""
        self._settle_if_unsaid(job)
        failure: JobFailed | None = None
        with structlog.contextvars.bound_contextvars(correlation_id=f"job-{job.id}"):
            log = logger().bind(job=job.id, task=job.task_name, attempt=job.attempts + 1, **ids)
            log.debug("job started")
            started = monotonic()
            try:
                ending = await attempt()
            except asyncio.CancelledError:
                self._ended(job.task_name, Ending.GIVEN_BACK)
                log.info("job given back", seconds=round(monotonic() - started, 3))
                raise
            except NotFound as error:  # deleted meanwhile: nothing is left to do
                ending = Ending.DONE
                log.info("nothing to do", code=error.code)
            except Exception as error:
                failure = await self._judge(job, error, give_up)
                ending = Ending.FAILED if failure.wait_s is None else Ending.RETRY
                log.warning("job failed", code=str(failure), retry_in_s=failure.wait_s, exc_info=error)
            else:
                log.info("job ended", ending=ending.value, seconds=round(monotonic() - started, 3))
            self._ended(job.task_name, ending)
        # Outside of the handler, so that the error itself, which may quote content, does not travel along.
        if failure is not None:
            raise failure

    async def close(self) -> None:
        """Stop settling; what is unsettled is found by the next sweep, since its worker is gone then."""
        for task in self._settling:
            task.cancel()
        await asyncio.gather(*self._settling, return_exceptions=True)

    async def _judge(
        self, job: Job, error: Exception, give_up: Callable[[Connection, str], Awaitable[None]]
    ) -> JobFailed:
        code = error_code(error)
        wait_s = wait_before_retry_s(error, job.attempts, self._pace)
        if wait_s is None:
            try:
                async with self._database.transaction(Role.SERVICE) as connection:
                    await give_up(connection, code)
            except DatabaseUnavailable:
                # A job must not be given up before its rows say so.
                wait_s = self._pace.first_wait_s
        return JobFailed(code, wait_s)

    def _settle_if_unsaid(self, job: Job) -> None:
        """See to it that this job does not hang as "doing" when the queue could not record its end.

        The queue tries that once. If it fails while the worker lives on, the worker's heartbeat would keep the job,
        and whatever waits for its lock, from everybody.
        """

        def ended(task: asyncio.Task[object]) -> None:
            if not task.cancelled() and task.exception() is not None:
                settle = asyncio.create_task(self._settle(job), name=f"settle-{job.id}")
                self._settling.add(settle)
                settle.add_done_callback(self._settling.discard)

        if (task := asyncio.current_task()) is not None:  # the queue runs each job in a task of its own
            task.add_done_callback(ended)

    async def _settle(self, job: Job) -> None:
        if job.id is None or job.worker_id is None:
            return
        while True:
            try:
                async with self._database.transaction(Role.SERVICE) as connection:
                    given_back = await jobs.give_back(connection, job.id, job.worker_id)
            except DatabaseUnavailable:
                await asyncio.sleep(self._pace.poll_s)
            else:
                logger().warning("end of job was not recorded", job=job.id, given_back=given_back)
                return
