"""What the vendors charge, counted by this module's own arithmetic, so that a ledger can be held against it."""

import time
from collections.abc import Mapping

import msgspec

MILLION = 1_000_000


class Price(msgspec.Struct, frozen=True):
    """Nano-dollars for a million tokens. `above`: the price of every token of a call that reads more than so many."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    above: tuple[int, "Price"] | None = None


def dollars(price: float) -> int:
    """Dollars a million tokens as they stand in a price list -> nano-dollars."""
    return round(price * 1_000_000_000)


def _price(input: float, output: float, read: float, write: float, above: tuple[int, Price] | None = None) -> Price:  # noqa: A002
    return Price(dollars(input), dollars(output), dollars(read), dollars(write), above)


PRICES: dict[str, Price] = {
    "anthropic/claude-haiku-5-5": _price(0.1, 0.5, 0.01, 0.125, (100_000, _price(0.5, 2.5, 0.05, 0.625))),
    "anthropic/claude-sonnet-5-5": _price(2, 10, 0.1, 2.5),
    "anthropic/claude-opus-5-5": _price(4, 20, 0.2, 5),
    "openai/gpt-6-luna": _price(0.1, 0.5, 0.01, 0.125, (272_000, _price(0.2, 0.75, 0.02, 0.25))),
    "openai/gpt-6.1-terra": _price(1, 5, 0.05, 1.25, (272_000, _price(2, 7.5, 0.1, 2.5))),
    "openai/gpt-6.1-sol": _price(2, 10, 0.1, 2.5, (272_000, _price(4, 15, 0.2, 5))),
    "openai/text-embedding-3-small": _price(0.02, 0, 0, 0),
    "openai/text-embedding-3-large": _price(0.13, 0, 0, 0),
}
"""The price lists of November 2026; a test gives its own where it needs others. Ollama charges nothing."""


class Charge(msgspec.Struct):
    """One call that is charged for, from the moment the model began. `delivered`: whether the client got it all."""

    at_s: float
    vendor: str
    model: str
    key: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    cost_nusd: int
    delivered: bool | None = None


class Bill:
    """All charges since the server began, in order. What has no price costs nothing and stands in `unpriced`."""

    def __init__(self, prices: Mapping[str, Price] | None = None) -> None:
        self.prices = dict(PRICES if prices is None else prices)
        self.charges: list[Charge] = []
        self.unpriced: set[str] = set()
        self.total_nusd = 0

    def charge(
        self, vendor: str, model: str, key: str, *, input_tokens: int, output_tokens: int, cached: int, written: int
    ) -> Charge:
        """Charge a call now. `input_tokens` are all, those from and into the cache among them."""
        cost = self._cost(f"{vendor}/{model}", input_tokens, output_tokens, cached, written)
        row = Charge(time.time(), vendor, model, key, input_tokens, output_tokens, cached, written, cost)
        self.charges.append(row)
        self.total_nusd += cost
        return row

    def of(self, *, vendor: str = "", model: str = "", key: str = "") -> int:
        """Nano-dollars of the charges of one vendor, model or key."""
        return sum(
            row.cost_nusd
            for row in self.charges
            if vendor in {"", row.vendor} and model in {"", row.model} and key in {"", row.key}
        )

    def _cost(self, ref: str, read: int, out: int, cached: int, written: int) -> int:
        price = self.prices.get(ref)
        if price is None:
            self.unpriced.add(ref)
            return 0
        if price.above is not None and read > price.above[0]:
            price = price.above[1]
        fresh = read - cached - written
        millionths = fresh * price.input + cached * price.cache_read + written * price.cache_write + out * price.output
        return -(-millionths // MILLION)
