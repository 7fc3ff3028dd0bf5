"""A task that is given up wherever it waits: nothing leaks, nothing is spent unseen, nothing is swallowed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from house import DOLLAR, GOOD, HAIKU, HARD, House
from in_memory import Stop
from parts import task

from routing import errors
from routing.call_failed import CallFailed
from routing.price import Usage
from routing.task import TaskType
from routing.vendors.base import Answer

EASY = task(TaskType.CONTENT_ANALYSIS, 0.1)


async def cancelled_at(stop: Stop, work: Coroutine[Any, Any, Any], *, times: int = 1) -> None:
    """Give the work up once it has reached the stop."""
    running = asyncio.create_task(work)
    await stop.reached.wait()
    for _ in range(times):
        running.cancel()
        await asyncio.sleep(0)
    stop.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def settled(house: House) -> None:
    """Everything that goes on in the background is done."""
    while writing := house.router._attempts._writing:
        await asyncio.wait(writing)


@pytest.mark.parametrize("step", ["reserve", "send"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_reservation_does_not_leak_when_a_client_cancels(step: str, times: int):
    """litellm #27639"""
    house = House(HAIKU, total=DOLLAR)
    house.ledger.stops[step] = stop = Stop()
    await cancelled_at(stop, house.router.run(HARD), times=times)
    await settled(house)
    assert [held.state for held in house.ledger.reservations.values()] == ["released"]
    assert (house.ledger.held, house.rows, house.vendors["anthropic"].asked) == (0, [], [])


@pytest.mark.parametrize("times", [1, 3])
async def test_a_clients_disconnect_does_not_lose_the_spend(times: int):
    """litellm #14457: the worst case counts until the vendor says what it really was."""
    house = House(HAIKU, total=DOLLAR)
    vendor = house.vendors["anthropic"]
    vendor.stop = stop = Stop()
    running = asyncio.create_task(house.router.run(HARD))
    await stop.reached.wait()
    for _ in range(times):
        running.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(9):  # turns of the loop that the ledger needs
        await asyncio.sleep(0)
    assert house.ledger.held == 0
    [row] = house.rows
    assert (row.ended.result, row.ended.estimated, row.ended.success) == ("cancelled", True, None)
    assert row.ended.cost_nusd == house.worst(HAIKU) == house.ledger.settled["total"]
    stop.go_on.set()
    await settled(house)
    [row] = house.rows
    assert (row.ended.result, row.ended.estimated, row.ended.cost_nusd) == ("cancelled", False, 15_000)
    assert house.ledger.settled["total"] == 15_000


@pytest.mark.parametrize(
    ("late", "cost", "estimated"),
    [
        (errors.AnswerInvalid("no JSON", usage=Usage(1_000, 100)), 150_000, False),
        (errors.VendorFailed("the connection went"), "worst", True),
        (errors.VendorRateLimited("busy", usage=Usage()), 0, False),
        (Answer(GOOD, None, "haiku"), "worst", True),
    ],
)
async def test_what_comes_late_corrects_the_estimate_where_it_says_more(late: Any, cost: int | str, estimated: bool):
    house = House(HAIKU, total=DOLLAR)
    vendor = house.vendors["anthropic"]
    vendor.tell("haiku", late)
    vendor.stop = stop = Stop()
    running = asyncio.create_task(house.router.run(HARD))
    await stop.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stop.go_on.set()
    await settled(house)
    [row] = house.rows
    assert row.ended.cost_nusd == (house.worst(HAIKU) if cost == "worst" else cost)
    assert (row.ended.estimated, house.ledger.held) == (estimated, 0)


async def test_closing_does_not_wait_for_vendors_that_nobody_waits_for():
    house = House(HAIKU, total=DOLLAR)
    house.vendors["anthropic"].stop = stop = Stop()
    running = asyncio.create_task(house.router.run(HARD))
    await stop.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await house.router.close()
    [row] = house.rows
    assert (row.ended.estimated, row.ended.cost_nusd) == (True, house.worst(HAIKU))


@pytest.mark.parametrize("step", ["before settle", "settle"])
@pytest.mark.parametrize("times", [1, 3])
async def test_an_answer_that_was_paid_is_settled_and_kept_though_nobody_waits_for_it(step: str, times: int):
    house = House(HAIKU, total=DOLLAR)
    house.ledger.stops[step] = stop = Stop()
    await cancelled_at(stop, house.router.run(HARD), times=times)
    await settled(house)
    [row] = house.rows
    assert (row.ended.result, row.ended.cost_nusd, row.ended.keep["state"]) == ("ok", 15_000, "done")
    assert house.ledger.held == 0


async def test_an_answer_that_comes_with_the_cancellation_is_settled_exactly_and_kept():
    house = House(HAIKU, total=DOLLAR)
    house.vendors["anthropic"].stop = stop = Stop()
    running = asyncio.create_task(house.router.run(HARD))
    await stop.reached.wait()
    stop.go_on.set()
    asking = next(one for one in asyncio.all_tasks() if one.get_coro().__qualname__ == "_in_our_words")  # type: ignore[union-attr]
    asking.add_done_callback(lambda _: running.cancel())
    with pytest.raises(asyncio.CancelledError):
        await running
    await settled(house)
    [row] = house.rows
    assert (row.ended.result, row.ended.estimated, row.ended.cost_nusd) == ("ok", False, 15_000)
    assert row.ended.keep["answer"] == {"text": "They retry."}


async def test_local_work_that_is_given_up_stops_and_is_written_down():
    house = House()
    vendor = house.vendors["ollama"]
    vendor.stop = stop = Stop()
    running = asyncio.create_task(house.router.run(EASY))
    await stop.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await settled(house)
    [row] = house.rows
    assert (row.ended.result, row.ended.cost_nusd, row.ended.success) == ("cancelled", 0, None)
    assert [one for one in asyncio.all_tasks() if one is not asyncio.current_task() and "ask" in repr(one)] == []


async def test_a_ledger_that_is_away_when_a_client_cancels_leaves_it_to_the_sweeper():
    house = House(HAIKU, total=DOLLAR)
    house.ledger.away.add("settle")
    house.vendors["anthropic"].stop = stop = Stop()
    running = asyncio.create_task(house.router.run(HARD))
    await stop.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [held.state for held in house.ledger.reservations.values()] == ["sent"]
    assert house.noticed == [("left to the sweeper", {"error": "ledger-unavailable"})]
    house.ledger.away.clear()
    stop.go_on.set()
    await settled(house)
    # The usage came after all, and the ledger was back.
    assert (house.ledger.cost, house.ledger.held) == (15_000, 0)


async def test_a_vendor_that_takes_longer_than_it_was_given_is_not_waited_for():
    house = House(HAIKU, timeout_s=0.01 - 10, total=DOLLAR)  # with the grace that it has, a hundredth of a second
    vendor = house.vendors["anthropic"]
    vendor.stop = stop = Stop()
    with pytest.raises(CallFailed) as failed:
        await house.router.run(HARD)
    [attempt] = failed.value.attempts
    assert (attempt.result, attempt.estimated, attempt.cost_nusd) == ("vendor-timeout", True, house.worst(HAIKU))
    stop.go_on.set()
    await settled(house)
    assert house.ledger.cost == 15_000


async def test_a_hundred_tasks_cancelled_at_once_leave_the_books_in_order():
    house = House(HAIKU, total=DOLLAR)
    running = [asyncio.create_task(house.router.run(HARD)) for _ in range(100)]
    for number, one in enumerate(running):
        for _ in range(number % 9):
            await asyncio.sleep(0)
        one.cancel()
    ended = await asyncio.gather(*running, return_exceptions=True)
    await settled(house)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended if isinstance(one, BaseException))
    states = {held.state for held in house.ledger.reservations.values()}
    assert states <= {"released", "settled"}
    assert house.ledger.held == 0
    asked = len(house.vendors["anthropic"].asked)
    assert asked == len(house.rows)
    assert house.ledger.settled.get("total", 0) == house.ledger.cost == 15_000 * asked
