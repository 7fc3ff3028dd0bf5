"""Tasks through the vendors' own SDKs over the wire, their money in Postgres: the bill ≤ the ledger ≤ the limit."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from spender import USD, counters, limit, sums_hold
from wire.limits import Latency, Limits
from wire.server import Wire, wire_server

from routing import errors
from routing.call_failed import CallFailed
from routing.catalog import Catalog, Model, Place
from routing.outcome import HALF_LIFE_S, Counts
from routing.policy import Reason
from routing.price import FREE
from routing.router import Router
from routing.task import Complexity, Importance, Prompt, Task, TaskType
from routing.vendors.anthropic import Anthropic
from routing.vendors.base import Vendor
from routing.vendors.ollama import Ollama
from routing.vendors.openai import OpenAI
from service.local_postgres.server import LocalPostgres
from service.models.prices import known_prices
from service.settings import Settings
from service.storage.database import Database
from service.storage.experience import PostgresMemory
from service.storage.spending import PostgresLedger


class Note(msgspec.Struct, frozen=True):
    text: str


PRICES = known_prices(Settings(_env_file=None))


def _commercial(vendor: str, name: str) -> Model:
    rates = PRICES.rates(vendor, name)
    assert rates is not None
    return Model(vendor, name, Place.COMMERCIAL, "", 200_000, 4_000, rates)


LOCAL = Model("ollama", "qwen3:8b", Place.LOCAL, "", 16_384, 2_048, FREE)
HAIKU, OPUS = _commercial("anthropic", "claude-haiku-5-5"), _commercial("anthropic", "claude-opus-5-5")
LUNA = _commercial("openai", "gpt-6-luna")
EMBEDDER = msgspec.structs.replace(_commercial("openai", "text-embedding-3-small"), task_types=frozenset())


def hard(**changes: Any) -> Task:
    """Nothing for a local model: .40 is less than .7."""
    prompt = Prompt("note", "Answer in JSON.", "What do these changes have in common?", Note, 500)
    complexity = Complexity(0.85, {"reasoning": 0.85}, "test")
    return msgspec.structs.replace(Task(TaskType.STRATEGIC_ANALYSIS, prompt, complexity, vendors=None), **changes)


class House(msgspec.Struct):
    wire: Wire
    router: Router
    ledger: PostgresLedger
    memory: PostgresMemory
    admin: psycopg.Connection[Any]
    noticed: list[str]

    def rows(self, columns: str = "model_asked, result, estimated") -> list[tuple[Any, ...]]:
        return self.admin.execute(f"select {columns} from public.ledger order by created_at, attempt").fetchall()  # type: ignore[arg-type]

    def books_are_right(self, *, exact: bool = False) -> None:
        sums_hold(self.admin)
        settled, held = counters(self.admin)
        assert held == 0
        bill = self.wire.bill.total_nusd
        assert bill <= settled
        if exact:
            assert bill == settled


Opener = Any


@pytest.fixture
async def opened(database: Database, database_url: str) -> Opener:
    """Opens a router over models, with a day's limit of the total."""

    @asynccontextmanager
    async def open_(*models: Model, total: int = 10 * USD, timeout_s: float = 20, **wired: Any) -> AsyncIterator[House]:
        if total:
            limit(database_url, "total", day=total)
        async with wire_server(**wired) as wire:
            vendors: Mapping[str, Vendor] = {
                "ollama": Ollama(wire.url + "/ollama"),
                "anthropic": Anthropic("key", wire.url + "/anthropic"),
                "openai": OpenAI("key", wire.url + "/openai/v1"),
            }
            ledger, memory, noticed = PostgresLedger(database), PostgresMemory(database, fresh_s=0), list[str]()
            router = Router(
                Catalog(models or (LOCAL, HAIKU, OPUS, LUNA)),
                vendors,
                ledger,
                memory,
                timeout_s=timeout_s,
                noticed=lambda event, _facts: noticed.append(event),
            )
            with psycopg.connect(database_url, autocommit=True) as admin:
                try:
                    yield House(wire, router, ledger, memory, admin, noticed)
                finally:
                    wire.let_go()
                    await router.close()
                    await ledger.close()

    return open_


async def test_an_answer_costs_what_the_vendor_bills_to_the_nano_dollar(opened: Opener):
    async with opened() as house:
        for _ in range(5):
            routed = await house.router.run(hard())
            assert isinstance(routed.value, Note)
        assert routed.decision.reason is Reason.CHEAPEST_GOOD_ENOUGH
        assert len(house.wire.bill.charges) == 5
        house.books_are_right(exact=True)


async def test_what_left_is_in_the_ledger_byte_for_byte(opened: Opener):
    async with opened(HAIKU) as house:
        await house.router.run(hard())
        [request] = [one for one in house.wire.requests if one.path.endswith("/messages")]
        [(sent, digest, host)] = house.rows("bytes_out, request_hash, host")
        assert sent == len(request.raw)
        assert len(digest) == 64
        assert host in house.wire.url


@pytest.mark.parametrize("failure", ["not_json", "wrong_schema", "refusal", "length", "huge", "truncated_json"])
async def test_a_bad_answer_is_paid_and_a_stronger_model_asked(opened: Opener, failure: str):
    async with opened(HAIKU, OPUS) as house:
        house.wire.fail("anthropic", failure, model=HAIKU.name)
        routed = await house.router.run(hard())
        assert routed.model == OPUS.ref
        assert [row[0] for row in house.rows()] == [HAIKU.name, OPUS.name]
        house.books_are_right()


@pytest.mark.parametrize(
    ("failure", "result", "cools"),
    [
        ("out_of_credit", "vendor-out-of-credit", ""),
        ("key_wrong", "vendor-key-refused", ""),
        ("rate_limited", "vendor-rate-limited", HAIKU.name),
        ("overloaded", "vendor-overloaded", HAIKU.name),
        ("model_missing", "model-missing", HAIKU.name),
    ],
)
async def test_a_vendor_that_turns_us_away_is_left_in_peace_and_costs_nothing(
    opened: Opener, failure: str, result: str, cools: str
):
    async with opened(HAIKU, LUNA) as house:
        house.wire.fail("anthropic", failure)
        assert (await house.router.run(hard())).model == LUNA.ref
        assert house.rows()[0] == (HAIKU.name, result, False)
        assert house.admin.execute("select vendor, model, reason from public.model_cooldowns").fetchall() == [
            ("anthropic", cools, result)
        ]
        asked = len(house.wire.requests)
        assert (await house.router.run(hard())).model == LUNA.ref
        assert len(house.wire.requests) == asked + 1
        house.books_are_right(exact=True)


@pytest.mark.parametrize("failure", ["cut", "server_error", "html", "usage_missing"])
async def test_without_usage_the_worst_case_counts(opened: Opener, failure: str):
    async with opened(HAIKU, LUNA) as house:
        house.wire.fail("anthropic", failure)
        await house.router.run(hard())
        assert house.rows("estimated, cost_nusd = reserved_nusd")[0] == (True, True)
        house.books_are_right()


async def test_a_timeout_counts_at_its_worst_case(opened: Opener):
    async with opened(HAIKU, LUNA, timeout_s=0.2) as house:
        house.wire.fail("anthropic", "hang")
        assert (await house.router.run(hard())).model == LUNA.ref
        assert house.rows()[0] == (HAIKU.name, "vendor-timeout", True)
        house.books_are_right()


async def test_a_vendor_that_is_not_there_costs_nothing_and_frees_what_was_held(opened: Opener):
    async with opened(HAIKU) as house:
        await house.wire.refuse()
        with pytest.raises(CallFailed):
            await house.router.run(hard())
        assert house.rows("result, cost_nusd, estimated") == [("vendor-unreachable", 0, False)]
        assert [row[0] for row in house.admin.execute("select state from reservations").fetchall()] == ["released"]
        house.books_are_right(exact=True)
        await house.wire.listen()


async def test_the_model_that_answered_is_billed(opened: Opener):
    async with opened(HAIKU, OPUS) as house:
        house.wire.fail("anthropic", "", model=HAIKU.name, answered_by=OPUS.name)
        await house.router.run(hard())
        assert house.rows("model_asked, model_answered, estimated") == [(HAIKU.name, OPUS.name, False)]
        house.books_are_right(exact=True)


async def test_without_a_limit_nothing_leaves_the_house(opened: Opener):
    async with opened(total=0) as house:
        routed = await house.router.run(hard())
        assert (routed.model, routed.decision.reason) == (LOCAL.ref, Reason.BUDGET_SPENT)
        assert {one.vendor for one in house.wire.requests} == {"ollama"}
        house.books_are_right(exact=True)


async def test_sixty_four_at_once_never_spend_more_than_the_limit(opened: Opener):
    async with opened(HAIKU) as house:
        one = await house.router.decide(hard())
        worst = one.considered[0].worst_case_nusd
    async with opened(LOCAL, HAIKU, total=worst * 6) as house:
        house.wire.fail("anthropic", "", model=HAIKU.name, hold=True)
        running = [asyncio.create_task(house.router.run(hard())) for _ in range(64)]
        await house.wire.arrived(64)
        # Six wait for their answers and hold all that there is; nobody waited for them.
        settled, held = counters(house.admin)
        assert worst * 5 < settled + held <= worst * 6
        house.wire.let_go()
        done = await asyncio.gather(*running)
        charged = [one for one in house.wire.bill.charges if one.vendor == "anthropic"]
        assert sum(one.place is Place.COMMERCIAL for one in done) == len(charged) == 6
        house.books_are_right(exact=True)


async def test_a_client_that_goes_is_charged_for_and_the_vendors_word_corrects_it(opened: Opener):
    async with opened(HAIKU) as house:
        house.wire.fail("anthropic", "", model=HAIKU.name, hold=True)
        running = asyncio.create_task(house.router.run(hard()))
        await house.wire.arrived()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert house.rows("result, estimated, cost_nusd = reserved_nusd") == [("cancelled", True, True)]
        house.books_are_right()
        house.wire.let_go()
        while writing := house.router._attempts._writing:
            await asyncio.wait(writing)
        assert house.rows("result, estimated") == [("cancelled", False)]
        house.books_are_right(exact=True)


async def test_many_that_go_at_any_moment_leave_the_books_right(opened: Opener):
    async with opened(HAIKU) as house:
        running = [asyncio.create_task(house.router.run(hard())) for _ in range(60)]
        for number, one in enumerate(running):
            for _ in range(number * 3):
                await asyncio.sleep(0)
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await house.router.close()
        house.books_are_right()
        states = {row[0] for row in house.admin.execute("select distinct state from reservations").fetchall()}
        assert states <= {"released", "settled"}


async def test_a_database_that_goes_between_sent_and_settled_costs_nobody_the_answer(
    opened: Opener, postgres_server: LocalPostgres, database_name: str
):
    async with opened(HAIKU) as house:
        outside = psycopg.connect(postgres_server.url(), autocommit=True)
        house.wire.fail("anthropic", "", model=HAIKU.name, hold=True)
        running = asyncio.create_task(house.router.run(hard()))
        await house.wire.arrived()
        # Nobody may connect any more, and the service is thrown out.
        outside.execute(f"alter database {database_name} allow_connections false")  # type: ignore[arg-type]
        thrown = (
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and usename = 'motif_service'"
        )
        outside.execute(thrown, (database_name,))
        house.wire.let_go()
        routed = await running
        assert routed.value.text is not None
        assert house.rows() == []
        outside.execute(f"alter database {database_name} allow_connections true")  # type: ignore[arg-type]
        await house.ledger.close(timeout_s=20)
        assert house.rows() == [(HAIKU.name, "ok", False)]
        house.books_are_right(exact=True)
        outside.close()


async def test_an_answer_is_kept_in_the_transaction_that_pays_for_it(opened: Opener, database_url: str):
    async with opened(HAIKU) as house:
        project, interaction = an_interaction(house.admin)
        task = hard(project_id=project, interaction_id=interaction, prompt_version="1", input_hash="ab" * 32)
        await house.router.run(task)
        row = house.admin.execute(
            "select decision, reason, state, complexity_parts ->> 'reasoning', cost_nusd, explanation -> 'considered'"
            " -> 0 ->> 'verdict', held_back from public.tasks"
        ).fetchone()
        assert row == (HAIKU.ref, "cheapest-good-enough", "done", "0.85", house.wire.bill.total_nusd, "chosen", False)


async def test_what_a_denying_source_holds_never_reaches_a_vendor(opened: Opener):
    async with opened(LOCAL, HAIKU, OPUS, LUNA, EMBEDDER) as house:
        for importance in Importance:
            routed = await house.router.run(hard(vendors=frozenset(), importance=importance))
            assert (routed.model, routed.decision.held_back) == (LOCAL.ref, True)
        with pytest.raises(CallFailed):
            await house.router.embed(EMBEDDER.ref, ["secret"], vendors=frozenset())
        assert {one.vendor for one in house.wire.requests} == {"ollama"}


async def test_vectors_are_paid_for_like_any_call(opened: Opener):
    async with opened(EMBEDDER) as house:
        vectors = await house.router.embed(EMBEDDER.ref, ["one", "two words"], vendors=None)
        assert len(vectors.vectors) == 2
        house.books_are_right(exact=True)
        assert house.rows("task_type, result, bytes_out > 0") == [("embedding", "ok", True)]


async def test_what_one_router_learns_another_knows_and_time_lets_it_fade(opened: Opener, database: Database):
    async with opened(HAIKU, OPUS) as house:
        house.wire.fail("anthropic", "not_json", model=HAIKU.name, times=3)
        for _ in range(3):
            await house.router.run(hard())
        key = (HAIKU.ref, TaskType.STRATEGIC_ANALYSIS, 4)
        known = (await PostgresMemory(database).recall()).outcomes[key]
        assert (known.successes, known.failures) == (0, pytest.approx(3, rel=1e-4))
        past = timedelta(seconds=HALF_LIFE_S)
        house.admin.execute("update public.model_outcomes set updated_at = updated_at - %s", (past,))
        await house.router.run(hard())  # its first success
        known = (await PostgresMemory(database).recall()).outcomes[key]
        assert (known.successes, known.failures) == (1, pytest.approx(1.5, rel=1e-4))
        assert isinstance(known, Counts)
        assert known.updated_at is not None


async def test_limits_of_a_vendor_are_met_by_going_elsewhere(opened: Opener):
    async with opened(HAIKU, LUNA, limits={"anthropic": Limits(at_once=2)}, latency=Latency(30.0)) as house:
        done = await asyncio.gather(*(house.router.run(hard()) for _ in range(12)))
        assert {one.model for one in done} == {HAIKU.ref, LUNA.ref}
        house.books_are_right(exact=True)


def an_interaction(admin: psycopg.Connection[Any]) -> tuple[UUID, UUID]:
    """A project and an interaction in it."""
    project, source, interaction = uuid4(), uuid4(), uuid4()
    admin.execute("insert into public.projects (id, name) values (%s, 'p')", (project,))
    admin.execute(
        "insert into public.sources (id, project_id, kind, name, external_id) values (%s, %s, 'folder', 's', 's')",
        (source, project),
    )
    admin.execute(
        "insert into public.interactions (id, project_id, source_id, kind, external_key, revision, occurred_at, text)"
        " values (%s, %s, %s, 'document', 'k', 1, now(), 'text')",
        (interaction, project, source),
    )
    return project, interaction


def test_every_error_that_a_vendor_may_raise_is_known_to_the_ledger():
    codes = {kind.code for kind in (errors.VendorError, *errors.VendorError.__subclasses__())}
    assert all(code.replace("-", "").isalpha() for code in codes)
