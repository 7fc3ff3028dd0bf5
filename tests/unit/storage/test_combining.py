"""Operations that are gathered while others run, without any database."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from service.storage.combining import Combiner, Operation


class Gone(Exception):
    """What the operations work on is away."""


class Desk:
    """Carries out operations when it is let, and remembers each batch."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.open, self.began = asyncio.Event(), asyncio.Event()
        self.combiner: Combiner[str] = Combiner(self._carry_out, most=4, all_fail_on=Gone)

    async def _carry_out(self, operations: Sequence[dict[str, Any]]) -> list[str]:
        self.batches.append([operation["n"] for operation in operations])
        self.began.set()
        await self.open.wait()
        if any(operation["n"] == "gone" for operation in operations):
            raise Gone
        if any(operation["n"] == "bad" for operation in operations):
            raise ValueError
        return [f"did {operation['n']}" for operation in operations]

    def do(self, n: Any, *, about: Any = None, first: bool = False) -> "asyncio.Future[str]":
        return self.combiner.add(Operation(about if about is not None else n, {"n": n}, first))


async def test_whoever_comes_first_goes_at_once_and_the_rest_together() -> None:
    desk = Desk()
    alone = desk.do(0)
    await desk.began.wait()
    others = [desk.do(n) for n in (1, 2, 3)]
    desk.open.set()
    assert await asyncio.gather(alone, *others) == ["did 0", "did 1", "did 2", "did 3"]
    assert desk.batches == [[0], [1, 2, 3]]


async def test_a_batch_has_a_bound_and_what_makes_room_goes_first() -> None:
    desk = Desk()
    desk.do(0)
    await desk.began.wait()
    for n in (1, 2, 3, 4, 5):
        desk.do(n, first=n == 3)
    desk.open.set()
    await desk.combiner.idle()
    assert desk.batches == [[0], [3, 1, 2, 4], [5]]


async def test_two_words_about_one_thing_keep_their_order() -> None:
    desk = Desk()
    desk.do(0)
    await desk.began.wait()
    desk.do("hold", about="a")
    desk.do("let go", about="a", first=True)
    desk.do("hold again", about="a")
    desk.do("another", about="b")
    desk.open.set()
    await desk.combiner.idle()
    assert desk.batches == [[0], ["hold", "another"], ["let go"], ["hold again"]]


async def test_one_that_cannot_be_done_fails_alone() -> None:
    desk = Desk()
    desk.open.set()
    first = desk.do(0)
    ended = await asyncio.gather(first, *(desk.do(n) for n in (1, "bad", 3)), return_exceptions=True)
    assert [type(end) for end in ended] == [str, str, ValueError, str]


async def test_when_everything_is_away_everybody_hears_it() -> None:
    desk = Desk()
    desk.open.set()
    first = desk.do("gone")
    ended = await asyncio.gather(first, desk.do(1), return_exceptions=True)
    assert isinstance(ended[0], Gone)
    assert await desk.do(2) == "did 2"


async def test_what_is_cancelled_before_it_began_is_not_done() -> None:
    desk = Desk()
    desk.do(0)
    await desk.began.wait()
    desk.do(1).cancel()
    desk.do(2)
    desk.open.set()
    await desk.combiner.idle()
    assert desk.batches == [[0], [2]]


async def test_what_is_cancelled_while_it_runs_is_done_and_nobody_is_told() -> None:
    desk = Desk()
    running = desk.do(0)
    await desk.began.wait()
    running.cancel()
    desk.open.set()
    await desk.combiner.idle()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert desk.batches == [[0]]
