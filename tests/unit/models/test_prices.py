"""The table is genai-prices as installed; what it calculates itself is what ours is held against."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider

from routing.price import NUSD, Usage, cost_nusd
from service.models.prices import Prices, known_prices
from service.settings import Settings

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VENDORS = {provider.id: provider for provider in providers if provider.id in {"anthropic", "openai"}}
# In, out, from the cache, into the cache: without a cache, mostly from it, a first call that fills it, and both sides
# of every threshold that the table knows (100,000, 128,000, 200,000, 272,000, 500,000).
CALLS = [
    (1_234, 567, 0, 0),
    (10_000, 1, 9_999, 0),
    (10_000, 999, 0, 10_000),
    (50_000, 300, 20_000, 29_999),
    *[
        (edge + more, 4_321, cached, cached // 3)
        for edge in (100_000, 128_000, 200_000, 272_000, 500_000)
        for more in (0, 1)
        for cached in (0, 60_000)
    ],
]


def text_models() -> list[tuple[Provider, ModelInfo]]:
    prices = Prices()
    return [
        (vendor, model)
        for vendor in VENDORS.values()
        for model in vendor.models
        if prices.rates(vendor.id, model.id, on=TODAY) is not None
    ]


def test_the_table_prices_what_is_configured_unless_told_otherwise() -> None:
    settings = Settings(_env_file=None)
    prices = known_prices(settings)
    asked = [("anthropic", m) for m in settings.anthropic_models] + [("openai", m) for m in settings.openai_models]
    assert all(prices.rates(*model) is not None for model in asked)


def test_every_priced_model_costs_what_its_table_calculates_cache_and_tiers_included() -> None:
    prices, compared = Prices(), 0
    for vendor, model in text_models():
        rates = prices.rates(vendor.id, model.id, on=TODAY)
        assert rates is not None
        for read, output, cached, stored in CALLS:
            ours = cost_nusd(Usage(read, output, cached, stored), rates)
            theirs = model.calc_price(
                genai_prices.Usage(
                    input_tokens=read, output_tokens=output, cache_read_tokens=cached, cache_write_tokens=stored
                ),
                vendor,
                genai_request_timestamp=NOW,
            ).total_price
            # a part of a nano-dollar is rounded up, and nothing else differs
            assert 0 <= ours - theirs * NUSD < 1, (model.id, read, output, cached, stored)
            compared += 1
    assert compared > 100 * len(CALLS)


def test_no_model_that_answers_in_text_is_without_a_price() -> None:
    priced = {model.id for _, model in text_models()}
    for vendor in VENDORS.values():
        for model in vendor.models:
            if model.id not in priced:
                named = {key for key, value in vars(model.get_prices(NOW)).items() if value is not None}
                assert not {"input_mtok", "output_mtok"} <= named, model.id


@pytest.mark.parametrize(
    ("vendor", "asked", "guessed"),
    [
        ("anthropic", "claude-haiku-4-5-by-somebody-else", "claude-haiku-4-5"),  # begins like it
        ("anthropic", "claude-haiku-5-5-20260901", "claude-haiku-5-5"),  # a pattern of it
        ("anthropic", "CLAUDE-HAIKU-5-5", "claude-haiku-5-5"),  # all but the case
        ("openai", "gpt-6-luna-2026-09-01", "gpt-6-luna"),
    ],
)
def test_a_name_that_the_table_only_guesses_has_no_price(vendor: str, asked: str, guessed: str) -> None:
    usage = genai_prices.Usage(input_tokens=1)
    assert genai_prices.calc_price(usage, asked, provider_id=vendor).model.id == guessed
    assert Prices().rates(vendor, asked) is None


def test_a_name_that_the_table_lists_as_equal_has_its_price() -> None:
    prices = Prices()
    assert prices.rates("openai", "o3-2025-04-16") == prices.rates("openai", "o3") is not None


def test_a_dated_price_is_that_of_the_day() -> None:
    # o3 fell from 10 and 40 dollars to 2 and 8 on 10 June 2025
    before = Prices().rates("openai", "o3", on=date(2025, 6, 9))
    after = Prices().rates("openai", "o3", on=date(2025, 6, 10))
    assert before is not None
    assert after is not None
    assert [before.tiers[0].input, after.tiers[0].input] == [10 * NUSD, 2 * NUSD]


def test_above_the_threshold_all_tokens_cost_more() -> None:
    rates = Prices().rates("anthropic", "claude-haiku-5-5", on=TODAY)
    assert rates is not None
    assert [tier.from_tokens for tier in rates.tiers] == [0, 100_001]
    # .10 dollars a million up to 100,000 tokens, .50 for every one of them above
    assert cost_nusd(Usage(100_000), rates) == Decimal("0.01") * NUSD
    assert cost_nusd(Usage(100_001), rates) == Decimal("0.0500005") * NUSD


def test_an_embedding_model_is_priced_by_what_it_reads() -> None:
    rates = Prices().rates("openai", "text-embedding-3-small", on=TODAY)
    assert rates is not None
    assert cost_nusd(Usage(1_000_000), rates) == Decimal("0.02") * NUSD


@pytest.mark.parametrize("model", ["moderation", "whisper-1", "gpt-live-1", "no-such-model", ""])
def test_what_has_no_price_for_text_is_unpriced_and_never_free(model: str) -> None:
    assert Prices().rates("openai", model) is None


@pytest.mark.parametrize("vendor", ["compatible", "ollama", "azure", "aws"])
def test_only_a_file_prices_what_other_vendors_serve(vendor: str) -> None:
    assert Prices().rates(vendor, "gpt-6-luna") is None


def test_the_version_names_the_table() -> None:
    rates = Prices().rates("openai", "o3")
    assert rates is not None
    assert rates.version == f"genai-prices {genai_prices.__version__}"


def said_by(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_the_table_is_not_even_imported_before_somebody_asks_for_a_price() -> None:
    asked = "import sys, service.models.prices as p; p.Prices().rates('compatible', 'x')"
    assert said_by(f"{asked}; print('genai_prices' in sys.modules)") == "False\n"


def test_reading_prices_opens_no_connection() -> None:
    watched = "import sys; sys.addaudithook(lambda name, _: sys.exit(name) if name.startswith('socket.') else None)"
    asked = "import service.models.prices as p; print(p.Prices().rates('openai', 'o3') is not None)"
    assert said_by(f"{watched}; {asked}") == "True\n"
