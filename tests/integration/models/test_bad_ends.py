"""Whatever goes wrong with a model: the interaction is learned from all the same, and no money is unaccounted."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row
from reading import MODELS, TEXT, Install, Installed, reads, wants
from wire.exchange import Asked
from wire.server import Wire

from service.errors import DatabaseUnavailable
from service.extraction.asking import BUILTIN
from service.local_postgres.server import LocalPostgres

FAILURES = [
    "html", "html_error", "truncated_json", "no_json_body", "empty_list_body", "cut", "cut_before", "talks", "not_json",
    "ignores_format", "wrong_schema", "huge", "length", "refusal", "empty", "key_wrong", "model_missing",
    "schema_refused", "too_long", "rate_limited", "out_of_credit", "overloaded", "server_error",
]  # fmt: skip
# Answers that can be used after all, whatever they come in.
STILL_GOOD = ["fenced", "usage_missing", "other_model", "extra_fields"]


def accounted(at: Installed, wire: Wire) -> None:
    """What the vendors charge is in the ledger, nothing more is held, and the limit holds."""
    assert wire.bill.of() <= at.spent_nusd() <= 10_000_000_000
    assert at.held() == 0


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("vendor", ["anthropic", "openai", "ollama"])
async def test_a_failure_is_named_and_the_built_in_extractor_takes_over(
    install: Install, wire: Wire, vendor: str, failure: str
):
    async with install(vendor) as at:
        at.allow(10)
        wire.fail(vendor, failure)
        interaction = at.hand_in()
        learned = await at.process(interaction)
        assert at.state(interaction) == "done"
        assert learned.readers[-1].extractor == BUILTIN
        assert len(at.patterns()) == 2
        results = {result for (result,) in at.ledger("result")}
        assert results
        assert "ok" not in results
        assert all(not result.startswith("internal") for result in results)
        accounted(at, wire)


@pytest.mark.parametrize("oddity", STILL_GOOD)
@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
async def test_an_odd_answer_that_can_be_used_is(install: Install, wire: Wire, vendor: str, oddity: str):
    async with install(vendor) as at:
        at.allow(10)
        wire.fail(vendor, oddity)
        learned = await at.process(at.hand_in())
        assert learned.readers[-1].extractor.startswith(vendor)
        assert len(at.patterns()) == 2
        accounted(at, wire)


async def test_a_model_that_hangs_is_not_waited_for_longer_than_allowed(install: Install, wire: Wire):
    async with install("anthropic", anthropic_models=("claude-haiku-5-5",), model_timeout_s=1.0) as at:
        at.allow(10)
        wire.fail("anthropic", "hang")
        learned = await at.process(at.hand_in())
        assert learned.readers[-1].extractor == BUILTIN
        assert set(at.ledger("result", "estimated")) == {("vendor-timeout", True)}
        accounted(at, wire)


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
async def test_a_wrong_key_is_no_reason_to_fail(install: Install, wire: Wire, vendor: str):
    async with install(vendor, **{f"{vendor}_api_key": "wrong-one"}) as at:
        at.allow(10)
        interaction = at.hand_in()
        learned = await at.process(interaction)
        assert (at.state(interaction), learned.readers[-1].extractor) == ("done", BUILTIN)
        assert set(at.ledger("result", "cost_nusd")) <= {("vendor-key-refused", 0)}
        assert (at.spent_nusd(), at.held()) == (0, 0)


async def test_an_answer_with_what_postgres_cannot_hold_is_used_and_paid(install: Install, wire: Wire):
    def odd(asked: Asked) -> object:
        answer = reads(asked)
        for pattern in answer.get("patterns", []):
            pattern["name"] += " \u0000 of it"
            pattern["tags"] = ["\u0000", "ok"]
        return answer

    for model in MODELS:
        wire.answer(model, odd)
    async with install("anthropic") as at:
        at.allow(10)
        interaction = at.hand_in()
        await at.process(interaction)
        assert at.state(interaction) == "done"
        assert all("\0" not in pattern["name"] for pattern in at.patterns())
        assert len(at.patterns()) == 2
        accounted(at, wire)


async def test_a_lone_surrogate_in_an_answer_is_one_more_bad_answer(install: Install, wire: Wire):
    for model in MODELS:
        wire.answer(model, '{"worth": true, "why": "\\ud800"}')
    async with install("anthropic", anthropic_models=("claude-haiku-5-5",)) as at:
        at.allow(10)
        interaction = at.hand_in()
        await at.process(interaction)
        assert at.state(interaction) == "done"
        accounted(at, wire)


@pytest.mark.parametrize(
    "text", ["", " ", "x", "█" * 50, "0" * 30_000, "接続が切れたら、必ず再試行するべきです。" * 900]
)
async def test_any_text_comes_to_an_end(install: Install, wire: Wire, text: str):
    async with install("ollama") as at:
        interaction = at.hand_in(text)
        await at.process(interaction)
        assert at.state(interaction) == "done"
        at.check_grounding()


class Gate:
    """Lets nobody into a database, and throws out who is in it."""

    def __init__(self, server: LocalPostgres, name: str) -> None:
        self._server, self._name = server, name

    def close(self) -> None:
        self._run(f"alter database {self._name} with allow_connections false")
        self._run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self._name}'")

    def open(self) -> None:
        self._run(f"alter database {self._name} with allow_connections true")

    def _run(self, sql: str) -> None:
        with psycopg.connect(self._server.url(), autocommit=True) as admin:
            admin.execute(sql)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def gate(postgres_server: LocalPostgres, database_name: str) -> Iterator[Gate]:
    gate = Gate(postgres_server, database_name)
    yield gate
    gate.open()


async def test_postgres_gone_between_sent_and_settled_the_answer_is_paid_once(
    install: Install, wire: Wire, gate: Gate, database_url: str
):
    gone = False

    def goes(asked: Asked) -> object:
        nonlocal gone
        if wants(asked) == "pattern_extraction" and not gone:
            gone = True
            gate.close()
        return reads(asked)

    for model in MODELS:
        wire.answer(model, goes)
    async with install("anthropic") as at:
        at.allow(10)
        interaction = at.hand_in()
        with pytest.raises(DatabaseUnavailable):
            await at.process(interaction)
        gate.open()
        at.admin = psycopg.connect(database_url, autocommit=True, row_factory=dict_row)
        # Kept for another try, as the worker's retry makes it; what was sent is known to the end.
        assert at.state(interaction) == "processing"
        at.admin.close()
    async with install("anthropic", new=False) as at:
        await at.process(interaction)
        assert at.state(interaction) == "done"
        assert len(at.patterns()) == 2
        assert at.ledger("task_type", "result") == [("content_analysis", "ok"), ("pattern_extraction", "ok")]
        assert (at.spent_nusd(), at.held()) == (wire.bill.of(), 0)


async def test_prices_that_nobody_knows_are_not_paid(install: Install, wire: Wire, tmp_path: Path):
    """A commercial model without a price is never asked, however much is allowed."""
    async with install("compatible", local_hosts=("localhost",)) as at:
        at.allow(1_000)
        before = len(wire.requests)
        learned = await at.process(at.hand_in(TEXT))
        assert len(wire.requests) == before
        assert [(reader.extractor, reader.reason) for reader in learned.readers] == [(BUILTIN, "unpriced")]
