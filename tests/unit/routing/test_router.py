"""One task from decision to settlement, and every way in which it goes wrong."""

import asyncio
import hashlib
from uuid import uuid4

import msgspec
import pytest
from house import DOLLAR, GOOD, HAIKU, HARD, LOCAL, LUNA, OPUS, House
from in_memory import InMemoryLedger, InMemoryMemory
from parts import CHEAP, DEAR, PROJECT, Note, catalog, local, rates, remote, task

from routing import errors
from routing.call_failed import CallFailed
from routing.catalog import Catalog, Place
from routing.errors import BudgetRefused, CatalogInvalid
from routing.policy import Reason
from routing.price import Usage, worst_case_nusd
from routing.router import Router
from routing.task import Importance, TaskType
from routing.vendors.base import Answer, Vectors, most_input_tokens


async def test_an_answer_is_paid_exactly_and_kept_with_how_it_was_decided():
    house = House(total=DOLLAR)
    routed = await house.router.run(HARD, lambda note: note.text.upper())
    assert (routed.value, routed.model, routed.place) == ("THEY RETRY.", "anthropic/haiku", Place.COMMERCIAL)
    [row] = house.rows
    # 100 tokens at .1 and 10 at .5 dollars a million
    assert row.ended.cost_nusd == routed.cost_nusd == 15_000
    assert (row.ended.result, row.ended.estimated, row.ended.success) == ("ok", False, True)
    assert row.reserved == house.worst(HAIKU)
    assert house.ledger.settled["total"] == 15_000
    assert house.ledger.held == 0
    kept = row.ended.keep
    assert kept["answer"] == {"text": "They retry."}
    assert (kept["decision"], kept["reason"]) == ("anthropic/haiku", "cheapest-good-enough")
    assert (kept["state"], kept["attempts"], kept["cost_nusd"], kept["held_back"]) == ("done", 1, 15_000, False)
    assert [one["model"] for one in kept["explanation"]["considered"]] == [
        "anthropic/haiku",
        "anthropic/opus",
        "ollama/small",
    ]
    assert msgspec.json.decode(msgspec.json.encode(kept))["type"] == "strategic_analysis"


async def test_the_ledger_says_what_left_and_where_it_went():
    house = House(total=DOLLAR)
    await house.router.run(msgspec.structs.replace(HARD, redactions=3))
    [row] = house.rows
    body = house.vendors["anthropic"].body(house.vendors["anthropic"].asked[0])
    call = row.call
    assert (call.host, call.bytes_out, call.redactions) == ("anthropic.example", len(body), 3)
    assert call.request_hash == hashlib.sha256(body).hexdigest()
    assert (call.task_type, call.band, call.attempt, call.price_version) == ("strategic_analysis", 4, 1, "test")
    assert (call.project_id, call.interaction_id) == (HARD.project_id, HARD.interaction_id)


async def test_local_work_is_written_down_and_costs_nothing():
    house = House()
    routed = await house.router.run(task(TaskType.CONTENT_ANALYSIS, 0.1))
    assert (routed.model, routed.cost_nusd, routed.value) == ("ollama/small", 0, GOOD)
    assert house.ledger.steps == ["record"]
    assert house.rows[0].ended.success is True


async def test_a_bad_answer_is_paid_learned_from_and_a_stronger_model_asked_with_a_reservation_of_its_own():
    house = House(total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", errors.AnswerInvalid("no JSON", usage=Usage(1_000, 100), model="haiku"))
    routed = await house.router.run(HARD)
    assert [attempt.result for attempt in routed.attempts] == ["answer-invalid", "ok"]
    assert routed.decision.reason is Reason.ESCALATED
    # 1,000 × .1 + 100 × .5 = 150 millionths; 100 × 4 + 10 × 20 = 600
    assert [attempt.cost_nusd for attempt in routed.attempts] == [150_000, 600_000]
    assert routed.cost_nusd == house.ledger.cost == house.rows[1].ended.keep["cost_nusd"]
    assert house.rows[0].ended.keep is None
    assert house.ledger.steps == ["reserve", "send", "settle"] * 2
    assert [row.ended.success for row in house.rows] == [False, True]
    assert [row.call.attempt for row in house.rows] == [1, 2]


async def test_what_the_check_refuses_is_the_ledgers_result_and_a_failure_of_the_model():
    house = House(total=DOLLAR)

    def check(note: Note) -> Note:
        if len(house.vendors["anthropic"].asked) == 1:
            raise errors.AnswerUngrounded("nothing of it stands in the source")
        return note

    routed = await house.router.run(HARD, check)
    assert house.ledger.results == [("haiku", "answer-ungrounded"), ("opus", "ok")]
    assert [row.ended.success for row in house.rows] == [False, True]
    assert routed.attempts[0].cost_nusd == 15_000


async def test_a_check_that_is_broken_costs_what_it_costs_and_is_heard():
    house = House(total=DOLLAR)

    def check(_: Note) -> Note:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await house.router.run(HARD, check)
    assert house.ledger.results == [("haiku", "check-failed")]
    assert house.rows[0].ended.success is None
    assert (house.ledger.cost, house.ledger.held) == (15_000, 0)


async def test_an_answer_that_cannot_be_kept_is_paid_and_heard_of():
    house = House(total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", Answer(object(), Usage(100, 10), "haiku"))
    with pytest.raises(TypeError):
        await house.router.run(HARD)
    assert house.ledger.results == [("haiku", "check-failed")]
    assert (house.ledger.cost, house.ledger.held) == (15_000, 0)


@pytest.mark.parametrize(
    ("error", "cost", "estimated", "success"),
    [
        # Turned away before any work: the adapter says that nothing was used.
        (errors.VendorRateLimited("busy", usage=Usage()), 0, False, None),
        (errors.OutOfCredit("empty", usage=Usage()), 0, False, None),
        # Nobody knows what was used.
        (errors.VendorTimeout("late"), "worst", True, False),
        (errors.VendorFailed("HTML"), "worst", True, None),
        (errors.AnswerInvalid("no JSON"), "worst", True, False),
        # An adapter that breaks its word.
        (RuntimeError("bug"), "worst", True, None),
        (errors.AnswerTruncated("cut", usage=Usage(1_000, 100)), 150_000, False, False),
        (errors.AnswerRefused("no", usage=Usage(1_000, 100)), 150_000, False, False),
        (errors.PromptTruncated("cut", usage=Usage(1_000, 100)), 150_000, False, None),
    ],
)
async def test_a_failure_costs_what_was_used_or_the_worst_case_where_nobody_knows(
    error: Exception, cost: int | str, estimated: bool, success: bool | None
):
    house = House(HAIKU, total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", error)
    with pytest.raises(CallFailed) as failed:
        await house.router.run(HARD)
    [row], [attempt] = house.rows, failed.value.attempts
    assert row.ended.cost_nusd == attempt.cost_nusd == (house.worst(HAIKU) if cost == "worst" else cost)
    assert (row.ended.estimated, row.ended.success) == (estimated, success)
    assert row.ended.result == attempt.result == getattr(error, "code", "vendor-failed")
    assert house.ledger.held == 0


async def test_a_call_that_never_left_frees_its_money_and_is_still_written_down():
    house = House(HAIKU, LUNA, total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", errors.VendorUnreachable("nothing listens there"))
    routed = await house.router.run(HARD)
    assert routed.model == "openai/luna"
    assert routed.decision.reason is Reason.FELL_BACK
    assert house.ledger.steps[:4] == ["reserve", "send", "release", "record"]
    assert house.ledger.results == [("haiku", "vendor-unreachable"), ("luna", "ok")]
    assert (house.rows[0].ended.cost_nusd, house.ledger.held) == (0, 0)
    assert house.rows[0].call.bytes_out == 0
    assert house.rows[1].call.bytes_out > 0


async def test_an_answer_without_usage_costs_the_worst_case():
    house = House(HAIKU, total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", Answer(GOOD, None, "haiku"))
    routed = await house.router.run(HARD)
    assert (routed.cost_nusd, routed.attempts[0].estimated) == (house.worst(HAIKU), True)


# Who answered.


@pytest.mark.parametrize(
    ("answered", "cost"),
    [
        ("haiku", 15_000),
        ("haiku-20261001", 15_000),
        ("haiku-2026-10-01", 15_000),
        ("opus", 600_000),  # 100 × 4 + 10 × 20 millionths
    ],
)
async def test_the_model_that_answered_is_billed(answered: str, cost: int):
    house = House(HAIKU, OPUS, total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", Answer(GOOD, Usage(100, 10), answered))
    routed = await house.router.run(HARD)
    assert (routed.cost_nusd, routed.attempts[0].estimated) == (cost, False)
    assert house.rows[0].ended.model_answered == answered


@pytest.mark.parametrize("answered", ["mythos", "haiku-pro", "haiku-2026", "haik"])
async def test_a_model_that_nobody_knows_is_billed_at_the_most_that_it_can_be(answered: str):
    house = House(HAIKU, OPUS, total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", Answer(GOOD, Usage(100, 10), answered))
    routed = await house.router.run(HARD)
    assert routed.cost_nusd == max(house.worst(HAIKU), 600_000)
    assert routed.attempts[0].estimated
    assert [event for event, _ in house.noticed] == ["unknown model answered"]


async def test_a_cost_above_what_was_held_is_settled_truthfully_and_noticed():
    house = House(HAIKU, total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", Answer(GOOD, Usage(10**6, 10**6), "haiku"))
    routed = await house.router.run(HARD)
    assert routed.cost_nusd == 600_000_000 == house.ledger.settled["total"]
    [(event, facts)] = house.noticed
    assert event == "cost above reservation"
    assert (facts["cost"], facts["reserved"]) == (600_000_000, house.worst(HAIKU))


# Budgets.


async def test_without_a_limit_nothing_commercial_is_spent():
    house = House()
    routed = await house.router.run(HARD)
    assert (routed.model, routed.decision.reason) == ("ollama/small", Reason.BUDGET_SPENT)
    assert house.vendors["anthropic"].asked == []


async def test_a_free_model_whose_paid_fallback_does_not_fit_the_budget_has_none():
    """litellm #41344"""
    house = House(total=1)
    house.vendors["ollama"].tell("small", errors.AnswerInvalid("no JSON"))
    with pytest.raises(CallFailed) as failed:
        await house.router.run(task(), None)
    assert failed.value.decision.reason is Reason.NO_BUDGET
    assert "budget" in str(failed.value)
    assert house.vendors["anthropic"].asked == []


async def test_a_vendors_own_budget_takes_only_its_own_models_away():
    house = House(HAIKU, LUNA, total=DOLLAR, vendor_anthropic=0)
    assert (await house.router.run(HARD)).model == "openai/luna"


async def test_an_empty_budget_of_the_project_takes_all_commercial_ones_away():
    house = House(LOCAL, HAIKU, LUNA, total=DOLLAR, **{f"project_{PROJECT}": 0})
    assert (await house.router.run(HARD)).model == "ollama/small"
    assert house.ledger.steps == ["reserve", "record"]


async def test_what_is_left_of_a_budget_goes_to_the_model_that_it_holds():
    house = House(local(capability=0.3), remote("haiku", CHEAP, capability=0.5), remote("opus", DEAR, capability=0.6))
    house.ledger.limits["total"] = house.worst(HAIKU)
    assert (await house.router.run(HARD)).model == "anthropic/haiku"
    assert house.ledger.steps == ["reserve", "reserve", "send", "settle"]


async def test_an_emergency_goes_on_with_the_emergency_pool():
    house = House(total=1, emergency=DOLLAR)
    urgent = msgspec.structs.replace(HARD, importance=Importance.EMERGENCY)
    routed = await house.router.run(urgent)
    assert routed.model == "anthropic/opus"
    assert (house.ledger.settled["emergency"], house.ledger.settled.get("total", 0)) == (600_000, 0)
    both_empty = House(total=1, emergency=1)
    assert (await both_empty.router.run(urgent)).model == "ollama/small"


async def test_a_budget_that_refuses_for_no_reason_of_its_own_is_asked_twice_at_most():
    class Confused(InMemoryLedger):
        async def reserve(self, *_: object, **__: object) -> None:
            self.steps.append("reserve")
            raise BudgetRefused("vendor:somebody-else", "day", left_nusd=0, limit_nusd=0)

    house = House()
    router = Router(catalog(LOCAL, HAIKU), house.vendors, ledger := Confused(), house.memory, timeout_s=5)
    assert (await router.run(HARD)).model == "ollama/small"
    assert ledger.steps == ["reserve", "reserve", "record"]


@pytest.mark.parametrize("step", ["reserve", "send"])
async def test_fail_closed_means_closed_when_the_reservation_cannot_be_written(step: str):
    """litellm #33923: nothing commercial is asked; local work goes on."""
    house = House(total=DOLLAR)
    house.ledger.away.add(step)
    routed = await house.router.run(HARD)
    assert routed.model == "ollama/small"
    assert house.vendors["anthropic"].asked == []
    assert house.ledger.held == 0


async def test_when_nothing_at_all_can_be_written_down_local_work_still_goes_on():
    house = House(total=DOLLAR)
    house.ledger.away |= {"reserve", "send", "release", "settle", "record"}
    assert (await house.router.run(HARD)).model == "ollama/small"


async def test_a_ledger_that_goes_between_sent_and_settled_costs_nobody_their_answer():
    house = House(total=DOLLAR)
    house.ledger.away.add("settle")
    routed = await house.router.run(HARD)
    assert routed.value == GOOD
    assert [event for event, _ in house.noticed] == ["left to the sweeper"]
    [held] = house.ledger.reservations.values()
    assert held.state == "sent"  # the sweeper takes it to have cost all of it


async def test_concurrent_calls_do_not_overrun_a_budget():
    """litellm #34732, #40095, #26672, #6288"""
    probe = House(HAIKU)
    limit = probe.worst(HAIKU) * 6
    house = House(LOCAL, HAIKU, total=limit)
    routed = await asyncio.gather(*(house.router.run(HARD) for _ in range(64)))
    assert len(routed) == 64
    commercial = [one for one in routed if one.place is Place.COMMERCIAL]
    assert 6 <= len(commercial) < 64
    assert house.ledger.settled["total"] == 15_000 * len(commercial) <= limit
    assert house.ledger.held == 0


# Cool-downs.


async def test_a_provider_out_of_credit_is_left_in_peace_with_all_of_its_models():
    """litellm #37592"""
    house = House(LOCAL, HAIKU, OPUS, LUNA, total=DOLLAR)
    house.vendors["anthropic"].tell("haiku", errors.OutOfCredit("empty", usage=Usage()))
    for _ in range(3):
        assert (await house.router.run(HARD)).model == "openai/luna"
    assert house.memory.rests == [("anthropic", "", 3_600, "vendor-out-of-credit")]
    assert len(house.vendors["anthropic"].asked) == 1


async def test_a_rate_limit_rests_the_model_as_long_as_the_vendor_says():
    house = House(HAIKU, OPUS, total=DOLLAR)
    busy = errors.VendorRateLimited("busy", usage=Usage(), retry_after_s=7)
    house.vendors["anthropic"].tell("haiku", busy)
    assert (await house.router.run(HARD)).model == "anthropic/opus"
    assert house.memory.rests == [("anthropic", "haiku", 7, "vendor-rate-limited")]


async def test_timeouts_rest_a_model_only_after_several_in_a_row():
    house = House(LOCAL, HAIKU, total=DOLLAR)
    late = errors.VendorTimeout("late")
    house.vendors["anthropic"].tell("haiku", late, late, GOOD, late, late, late)
    for _ in range(5):
        await house.router.run(HARD)
    assert house.memory.rests == []
    await house.router.run(HARD)
    assert house.memory.rests == [("anthropic", "haiku", 60, "vendor-timeout")]


# What is allowed.


async def test_a_source_that_denies_is_never_sent_to_a_vendor_whatever_fails():
    house = House(total=DOLLAR, emergency=DOLLAR)
    for error in (errors.AnswerInvalid("no JSON"), errors.VendorTimeout("late"), errors.VendorUnreachable("away")):
        for importance in Importance:
            house.memory.cooldowns.clear()
            house.vendors["ollama"].tell("small", error)
            denied = msgspec.structs.replace(HARD, vendors=frozenset(), importance=importance)
            with pytest.raises(CallFailed) as failed:
                await house.router.run(denied)
            assert failed.value.decision.held_back
    assert house.vendors["anthropic"].asked == house.vendors["openai"].asked == []
    assert "reserve" not in house.ledger.steps


async def test_when_nobody_is_left_every_attempt_is_told():
    house = House(total=DOLLAR)
    for vendor, model in (("ollama", "small"), ("anthropic", "haiku"), ("anthropic", "opus")):
        house.vendors[vendor].tell(model, errors.AnswerUngrounded("made up", usage=Usage(10, 1)))
    with pytest.raises(CallFailed) as failed:
        await house.router.run(task())
    assert [(one.model, one.result) for one in failed.value.attempts] == [
        ("ollama/small", "answer-ungrounded"),
        ("anthropic/haiku", "answer-ungrounded"),
        ("anthropic/opus", "answer-ungrounded"),
    ]
    assert failed.value.decision.reason is Reason.ALL_FAILED
    assert house.ledger.held == 0


async def test_with_no_models_at_all_it_is_left_to_the_built_in_extractor():
    house = House()
    router = Router(Catalog(), {}, house.ledger, house.memory, timeout_s=5)
    with pytest.raises(CallFailed) as failed:
        await router.run(HARD)
    assert failed.value.decision.reason is Reason.NO_MODELS
    assert str(failed.value) == "No model is configured. The built-in extractor takes over."


def test_models_that_nothing_asks_are_refused():
    with pytest.raises(CatalogInvalid, match="anthropic"):
        Router(catalog(HAIKU), {}, InMemoryLedger(), InMemoryMemory(), timeout_s=5)


async def test_a_dry_run_decides_the_same_and_reserves_nothing():
    house = House(total=DOLLAR)
    decision = await house.router.decide(HARD)
    assert decision.model == HAIKU
    assert (house.ledger.steps, house.vendors["anthropic"].asked) == ([], [])
    assert (await house.router.run(HARD)).decision == decision


async def test_nobody_is_asked_for_more_than_the_model_can_say():
    house = House(HAIKU, total=DOLLAR)
    long = msgspec.structs.replace(HARD, prompt=msgspec.structs.replace(HARD.prompt, max_output_tokens=50_000))
    await house.router.run(long)
    assert house.vendors["anthropic"].asked[0].prompt.max_output_tokens == 8_192
    assert house.rows[0].reserved == worst_case_nusd(
        most_input_tokens(house.vendors["anthropic"].body(house.vendors["anthropic"].asked[0])), 8_192, CHEAP
    )


async def test_what_was_learned_decides_the_next_task():
    house = House(LOCAL, HAIKU, total=DOLLAR)
    models: list[str] = []
    for _ in range(10):
        house.vendors["ollama"].tell("small", errors.AnswerInvalid("no JSON"))
        models.append((await house.router.run(task())).attempts[0].model)
    # Five bad answers: .85 × 20 / 25 = .68 < .7
    assert models == ["ollama/small"] * 5 + ["anthropic/haiku"] * 5


# Embeddings go the same way.

EMBEDDER = remote("embed-3", rates(0.02, 0), vendor="openai")


async def test_vectors_are_reserved_paid_and_written_down_like_any_call():
    house = House(EMBEDDER, total=DOLLAR)
    vectors = await house.router.embed(
        "openai/embed-3", ["one", "two"], vendors=None, project_id=PROJECT, source_id=uuid4(), redactions=1
    )
    assert len(vectors.vectors) == 2
    [row] = house.rows
    assert (row.call.task_type, row.call.band, row.call.redactions) == ("embedding", None, 1)
    assert row.ended.cost_nusd == 2 * 20  # 20 nano-dollars a token
    assert row.reserved > row.ended.cost_nusd
    assert (house.ledger.held, house.memory.outcomes) == (0, {})


async def test_texts_of_a_denying_source_are_not_embedded_elsewhere():
    house = House(EMBEDDER, total=DOLLAR)
    with pytest.raises(CallFailed) as failed:
        await house.router.embed("openai/embed-3", ["secret"], vendors=frozenset())
    assert failed.value.decision.reason is Reason.SOURCE_DENIES
    assert failed.value.decision.held_back
    assert (house.vendors["openai"].embedded, house.ledger.steps) == ([], [])


async def test_texts_are_not_embedded_for_money_that_nobody_granted():
    house = House(EMBEDDER)
    with pytest.raises(BudgetRefused):
        await house.router.embed("openai/embed-3", ["one"], vendors=None)
    assert house.vendors["openai"].embedded == []


async def test_an_embedding_vendor_that_fails_says_so_is_paid_and_left_in_peace():
    house = House(EMBEDDER, total=DOLLAR)
    house.vendors["openai"].tell("embed-3", errors.VendorOverloaded("busy"), Vectors([[1.0]], None, "embed-3"))
    with pytest.raises(errors.VendorOverloaded):
        await house.router.embed("openai/embed-3", ["one"], vendors=None)
    assert (house.rows[0].ended.estimated, house.rows[0].ended.cost_nusd) == (True, house.rows[0].reserved)
    with pytest.raises(CallFailed) as failed:
        await house.router.embed("openai/embed-3", ["one"], vendors=None)
    assert failed.value.decision.reason is Reason.ALL_COOLING_DOWN


async def test_local_vectors_cost_nothing_and_need_no_budget():
    house = House(local("nomic"))
    await house.router.embed("ollama/nomic", ["one"], vendors=frozenset())
    assert house.ledger.steps == ["record"]


async def test_an_unknown_embedding_model_is_named():
    with pytest.raises(CatalogInvalid, match="openai/none"):
        await House(EMBEDDER).router.embed("openai/none", ["one"], vendors=None)


async def test_closing_lets_the_vendors_go():
    house = House()
    await house.router.close()
    assert all(vendor.closed for vendor in house.vendors.values())
