"""Whatever vendors do, whoever gives up and however little there is to spend: the books are in order."""

import asyncio
from typing import Any

import msgspec
from house import GOOD, HAIKU, HARD, LOCAL, LUNA, OPUS, House
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import errors
from routing.call_failed import CallFailed
from routing.catalog import Place
from routing.price import Usage
from routing.router import Routed
from routing.task import Importance
from routing.vendors.base import Answer

USED = Usage(1_000, 100)
said = st.sampled_from(
    [
        GOOD,
        Answer(GOOD, None, "haiku"),
        Answer(GOOD, USED, "somebody"),
        errors.AnswerInvalid("no JSON", usage=USED),
        errors.AnswerUngrounded("made up"),
        errors.PromptTruncated("cut", usage=USED),
        errors.VendorTimeout("late"),
        errors.VendorUnreachable("away"),
        errors.VendorOverloaded("busy"),
        errors.VendorRateLimited("busy", usage=Usage(), retry_after_s=0.1),
        errors.OutOfCredit("empty", usage=Usage()),
        RuntimeError("bug"),
    ]
)
answers = st.fixed_dictionaries({model.ref: st.lists(said, max_size=4) for model in (LOCAL, HAIKU, OPUS, LUNA)})
limits = st.sampled_from([0, 1, 800_000, 3_000_000, 10**9])
wanted = st.tuples(st.sampled_from(Importance), st.sampled_from([None, frozenset[str](), frozenset({"openai"})]))
given_up = st.none() | st.integers(0, 40)


@settings(max_examples=150, deadline=None)
@given(answers, limits, limits, limits, st.lists(st.tuples(wanted, given_up), min_size=1, max_size=6))
def test_every_call_is_in_the_books_and_nothing_stays_held(
    told: dict[str, list[Any]], total: int, openai: int, emergency: int, work: list[Any]
):
    asyncio.run(_hold(told, {"total": total, "vendor_openai": openai, "emergency": emergency}, work))


async def _hold(told: dict[str, list[Any]], limits: dict[str, int], work: list[Any]) -> None:
    house = House(LOCAL, HAIKU, OPUS, LUNA, **limits)
    for ref, replies in told.items():
        vendor, name = ref.split("/")
        house.vendors[vendor].tell(name, *replies)

    async def do(importance: Importance, vendors: frozenset[str] | None, turns: int | None) -> Any:
        task = msgspec.structs.replace(HARD, importance=importance, vendors=vendors)
        running = asyncio.create_task(house.router.run(task))
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        if turns is not None:
            running.cancel()
        return (await asyncio.gather(running, return_exceptions=True))[0]

    done = await asyncio.gather(*(do(*what, turns) for what, turns in work))
    await house.router.close()
    assert all(isinstance(one, Routed | CallFailed | asyncio.CancelledError) for one in done)
    ledger = house.ledger
    assert ledger.held == 0
    assert {held.state for held in ledger.reservations.values()} <= {"released", "settled"}
    for key, settled in ledger.settled.items():
        # Only a model that nobody knows may have cost more than was held for it.
        if not any(row.ended.model_answered == "somebody" for row in house.rows):
            assert settled <= ledger.limits.get(key, settled)
    # Every request that a vendor saw has its row, and every attempt that was told is one of them.
    assert len(house.rows) == sum(len(vendor.asked) for vendor in house.vendors.values())
    attempts = [attempt for one in done if isinstance(one, Routed | CallFailed) for attempt in one.attempts]
    assert {attempt.id for attempt in attempts} <= set(ledger.rows)
    paid = sum(row.ended.cost_nusd for row in house.rows)
    assert paid == ledger.settled.get("total", 0) + ledger.settled.get("emergency", 0)
    assert all(row.ended.cost_nusd == 0 for row in house.rows if row.call.place is Place.LOCAL)
    denied = sum(what[1] == frozenset() for what, _ in work) == len(work)
    assert not (denied and (house.vendors["anthropic"].asked or house.vendors["openai"].asked))
