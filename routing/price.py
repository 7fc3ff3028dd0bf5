"""Tokens to money. All of it in integers: nano-dollars, and rates in nano-dollars for a million tokens. Pure."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

NUSD = 1_000_000_000
"""Nano-dollars in a dollar."""
MILLION = 1_000_000


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call. `input_tokens` are all that were read: those from and into the cache are among them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class Tier(msgspec.Struct, frozen=True):
    """Rates in nano-dollars a million tokens, for calls that read at least `from_tokens`; all of the call's tokens."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    from_tokens: int = 0


class Rates(msgspec.Struct, frozen=True):
    """What a model costs: tiers by rising `from_tokens`, the first from 0. `version` says where the rates are from.

    Raises ValueError for tiers that would leave a call without a price, or with two, or that pay somebody back.
    """

    tiers: tuple[Tier, ...]
    version: str

    def __post_init__(self) -> None:
        starts = [tier.from_tokens for tier in self.tiers]
        if starts[:1] != [0] or any(second <= first for first, second in pairwise(starts)):
            raise ValueError("tiers begin at 0 and rise")
        if any(min(tier.input, tier.output, tier.cache_read, tier.cache_write) < 0 for tier in self.tiers):
            raise ValueError("a rate is not below 0")


FREE = Rates((Tier(0, 0, 0, 0),), "local")
"""What runs on the installation's own machines."""


def tier_of(rates: Rates, input_tokens: int) -> Tier:
    """The tier that prices a call of so many input tokens."""
    return next(tier for tier in reversed(rates.tiers) if input_tokens >= tier.from_tokens)


def cost_nusd(usage: Usage, rates: Rates) -> int:
    """What a call cost, rounded up to a whole nano-dollar.

    Who reports more tokens of the cache than were read is taken at the larger number: it is they who write the bill.
    """
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    tier = tier_of(rates, max(usage.input_tokens, cached))
    plain = max(usage.input_tokens - cached, 0)
    return _round_up(
        plain * tier.input
        + usage.cache_read_tokens * tier.cache_read
        + usage.cache_write_tokens * tier.cache_write
        + usage.output_tokens * tier.output
    )


def worst_case_nusd(most_input_tokens: int, most_output_tokens: int, rates: Rates) -> int:
    """The most a call can cost: every token at the dearest rate of any tier that it may reach."""
    reached: Sequence[Tier] = [tier for tier in rates.tiers if tier.from_tokens <= most_input_tokens]
    dearest_input = max(max(tier.input, tier.cache_read, tier.cache_write) for tier in reached)
    dearest_output = max(tier.output for tier in reached)
    return _round_up(most_input_tokens * dearest_input + most_output_tokens * dearest_output)


def _round_up(millionths: int) -> int:
    return -(-millionths // MILLION)
