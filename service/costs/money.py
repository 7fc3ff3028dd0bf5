"""Money as it is written down and shown: nano-dollars inside, decimal dollars outside, never a float."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from routing.price import NUSD


class Money(msgspec.Struct, frozen=True):
    """An amount: whole nano-dollars to calculate with, and the same in dollars as a decimal number in a text."""

    nusd: int
    usd: str


def money(nusd: int) -> Money:
    """An amount of nano-dollars."""
    return Money(nusd, usd(nusd))


def usd(nusd: int) -> str:
    """Dollars to the last nano-dollar, with at least two places: "0.000000012", "-1.50"."""
    dollars, parts = divmod(abs(nusd), NUSD)
    places = f"{parts:09}".rstrip("0").ljust(2, "0")
    return f"{'-' if nusd < 0 else ''}{dollars}.{places}"


def shown(nusd: int) -> str:
    """Dollars for people: four places, so that fractions of a cent are seen; what is less, to three digits."""
    if nusd == 0:
        return "$0"
    sign, dollars = "-" if nusd < 0 else "", Decimal(abs(nusd)) / NUSD
    if dollars >= Decimal("0.0001"):
        return f"{sign}${dollars:,.4f}"
    digits = max(2 - dollars.adjusted(), 4)
    return f"{sign}${dollars:.{min(digits, 9)}f}".rstrip("0")


def total(amounts: Iterable[Money]) -> Money:
    """All of them together."""
    return money(sum(amount.nusd for amount in amounts))
