"""Gathers operations that come while a transaction runs: the next one carries them all. Knows nothing of SQL."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

Answer = TypeVar("Answer")


class Operation(msgspec.Struct, frozen=True):
    """One of many. `about`: two about the same thing never share a batch, so that their order holds.

    `first`: goes before those that are not, since it makes room for them.
    """

    about: Hashable
    body: dict[str, Any]
    first: bool = False


class _Waiting(msgspec.Struct, Generic[Answer], frozen=True, eq=False):
    operation: Operation
    answer: asyncio.Future[Answer]


class Combiner(Generic[Answer]):
    """One batch at a time; what comes meanwhile is the next. Whoever comes while nothing runs is not made to wait."""

    def __init__(
        self,
        carry_out: Callable[[Sequence[dict[str, Any]]], Awaitable[list[Answer]]],
        *,
        most: int,
        all_fail_on: type[Exception],
    ) -> None:
        """`carry_out`: does operations in their order, all or none, and answers each; repeating it changes nothing.

        `most`: operations in a batch. `all_fail_on`: what fails a batch as a whole, as opposed to one in it.
        """
        self._carry_out = carry_out
        self._most = most
        self._all_fail_on = all_fail_on
        self._waiting: deque[_Waiting[Answer]] = deque()
        self._runner: asyncio.Task[None] | None = None

    def add(self, operation: Operation) -> asyncio.Future[Answer]:
        """The answer to come. Cancelling it takes back what has not begun, and nothing else."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(operation, answer))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="motif-combiner")
        return answer

    async def idle(self) -> None:
        """Return when nothing waits and nothing runs."""
        while self._runner is not None:
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        try:
            while batch := self._next_batch():
                await self._try(batch)
        finally:
            self._runner = None

    def _next_batch(self) -> list[_Waiting[Answer]]:
        chosen: list[_Waiting[Answer]] = []
        later: list[_Waiting[Answer]] = []
        about: set[Hashable] = set()
        while self._waiting and len(chosen) < self._most:
            waiting = self._waiting.popleft()
            if waiting.answer.cancelled():
                continue
            (later if waiting.operation.about in about else chosen).append(waiting)
            about.add(waiting.operation.about)
        self._waiting.extendleft(reversed(later))
        return sorted(chosen, key=lambda waiting: not waiting.operation.first)

    async def _try(self, batch: list[_Waiting[Answer]]) -> None:
        try:
            answers = await self._carry_out([waiting.operation.body for waiting in batch])
        except self._all_fail_on as error:
            _fail(batch, error)
        except Exception as error:
            # One of them cannot be carried out. Halves of a batch find it, and its neighbours stand.
            if len(batch) == 1:
                _fail(batch, error)
            else:
                middle = len(batch) // 2
                await self._try(batch[:middle])
                await self._try(batch[middle:])
        except BaseException:
            for waiting in batch:
                waiting.answer.cancel()
            raise
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)


def _fail(batch: list[_Waiting[Any]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
