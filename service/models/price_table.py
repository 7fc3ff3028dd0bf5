"""Public prices as genai-prices keeps them, read by exact name only. Slow to import, so imported when first needed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.metadata import version as version_of

from genai_prices.data import providers
from genai_prices.types import (
    ClauseEquals,
    ClauseOr,
    MatchLogic,
    ModelInfo,
    ModelPrice,
    TieredPrices,
    TimeOfDateConstraint,
)

from routing.price import Rates, Tier
from service.models.prices_file import nusd_of

Steps = Sequence[tuple[int, Decimal]]
"""A price by size of the call: above how many input tokens (-1: any), and dollars for a million."""


def rates_in_table(provider: str, model: str, day: date) -> Rates | None:
    """What the table says that a model costs on a day, or None."""
    read = {_rates_on(entry, day) for entry in exact_models(provider).get(model, ())}
    # Two entries that claim one name and disagree: nobody knows which of them it is.
    return read.pop() if len(read) == 1 else None


@cache
def exact_models(provider: str) -> Mapping[str, tuple[ModelInfo, ...]]:
    """Entries by their id, and by the names that they list as equal to it.

    The table's own search also takes beginnings, pieces and patterns of names, and so prices one model as another.
    """
    by_id: dict[str, tuple[ModelInfo, ...]] = {}
    by_alias: dict[str, tuple[ModelInfo, ...]] = {}
    for entry in next(known for known in providers if known.id == provider).models:
        by_id[entry.id] = (*by_id.get(entry.id, ()), entry)
        for alias in set(_equal_names(entry.match)) - {entry.id}:
            by_alias[alias] = (*by_alias.get(alias, ()), entry)
    return by_alias | by_id


def _equal_names(match: MatchLogic) -> Iterator[str]:
    if isinstance(match, ClauseEquals):
        yield match.equals
    elif isinstance(match, ClauseOr):
        for clause in match.or_:
            yield from _equal_names(clause)


def _rates_on(entry: ModelInfo, day: date) -> Rates | None:
    if not isinstance(entry.prices, ModelPrice) and any(
        isinstance(price.constraint, TimeOfDateConstraint) for price in entry.prices
    ):
        return None  # a price that changes with the hour would be another one when the answer comes
    prices = {
        key: _steps(value)
        for key, value in vars(entry.get_prices(datetime.combine(day, time(), UTC))).items()
        if isinstance(value, Decimal | TieredPrices)
    }
    # What an answer in text costs has a price for input and output; nothing but an embedding model has input alone.
    if "input_mtok" not in prices or ("output_mtok" not in prices and set(prices) != {"input_mtok"}):
        return None
    charged = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
    starts = {above + 1 for key in charged for above, _ in prices.get(key, ())}
    try:
        tiers = tuple(_tier(prices, start) for start in sorted(starts))
    except ValueError:
        return None
    return Rates(tiers, f"genai-prices {version_of('genai-prices')}")


def _steps(price: Decimal | TieredPrices) -> Steps:
    if isinstance(price, Decimal):
        return ((-1, price),)
    return ((-1, price.base), *((tier.start, tier.price) for tier in price.tiers))


def _tier(prices: Mapping[str, Steps], tokens: int) -> Tier:
    """The rates of a call that reads so many tokens; raises ValueError for one that is no whole number."""

    def at(key: str) -> int | None:
        reached = [price for above, price in prices.get(key, ()) if tokens > above]
        return nusd_of(reached[-1]) if reached else None

    plain, read, written = at("input_mtok") or 0, at("cache_read_mtok"), at("cache_write_mtok")
    # Without a price of its own the cache is charged as any other input, and so does the table's calculation.
    return Tier(
        input=plain,
        output=at("output_mtok") or 0,
        cache_read=plain if read is None else read,
        cache_write=plain if written is None else written,
        from_tokens=tokens,
    )
