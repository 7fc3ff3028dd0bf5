"""A vendor's bill against the ledger, by day and model. The rule: the bill is never more than what was written down."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

import msgspec

from routing.price import Rates, Usage, cost_nusd
from service.costs.charged import Charged
from service.costs.money import Money, money
from service.models.prices import Prices
from service.storage.costs import LedgerDay


class Standing(StrEnum):
    """How a line of the bill stands to the ledger."""

    HOLDS = "holds"
    ROUNDING = "rounding"
    MORE = "more_than_ledger"
    UNKNOWN = "not_in_ledger"
    UNPRICED = "unpriced"
    ONLY_OURS = "not_in_file"


STANDINGS = {
    Standing.HOLDS: "the ledger covers it",
    Standing.ROUNDING: "more than the ledger, but by less than the file rounds",
    Standing.MORE: "MORE THAN THE LEDGER",
    Standing.UNKNOWN: "NOT IN THE LEDGER: nothing was asked of it that day",
    Standing.UNPRICED: "the file tells no money, and nobody knows the price",
    Standing.ONLY_OURS: "in the ledger alone",
}
BROKEN = frozenset({Standing.MORE, Standing.UNKNOWN})
COVERED_IN_SUM = {
    Standing.MORE: "more than the ledger by itself; the vendor's sum decides, and it is covered",
    Standing.UNKNOWN: "not in the ledger that day; the vendor's sum decides, and it is covered",
}
"""What is said of a line instead where its vendor's sum holds: a bill is broken by its sum, not by a day or model."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A day's model on both sides. `theirs` None: the file tells no money and nobody knows the price.

    `difference`: ours less theirs. `computed`: the file tells tokens only, so theirs is what they cost at the lowest
    tier of the price. Tokens are of what the file tells, null where it tells none.
    """

    day: date
    vendor: str
    model: str
    ours: Money
    theirs: Money | None
    difference: Money | None
    computed: bool
    our_tokens: tuple[int, int]
    their_tokens: tuple[int, int] | None
    standing: Standing


class Total(msgspec.Struct, frozen=True):
    """A vendor over all days of the file: calls at midnight may be on another day on the other side."""

    vendor: str
    ours: Money
    theirs: Money
    difference: Money
    standing: Standing


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. `holds`: no vendor billed more than the ledger says, in all of its days together."""

    format: str
    first: date
    last: date
    holds: bool
    totals: tuple[Total, ...]
    lines: tuple[Compared, ...]
    unknown_models: tuple[str, ...]
    notes: tuple[str, ...]


class _Side(msgspec.Struct):
    """What one model's lines of a day come to."""

    cost_nusd: int = 0
    rounded_nusd: int = 0
    tokens: tuple[int, int] | None = None
    computed: bool = False
    unpriced: bool = False


def reconcile(
    name: str, rows: Sequence[Charged], ledger: Sequence[LedgerDay], prices: Prices, *, whole: bool
) -> Reconciliation:
    """Hold a bill against the ledger's commercial calls of the same days and vendors."""
    theirs = _theirs(rows, ledger, prices)
    ours = _ours(rows, ledger)
    lines = [_compared(key, ours.get(key), theirs.get(key)) for key in sorted(ours.keys() | theirs.keys())]
    totals = tuple(_total(vendor, lines, theirs) for vendor in sorted({line.vendor for line in lines}))
    unknown = sorted({f"{one.vendor}/{one.model}" for one in lines if one.standing is Standing.UNKNOWN})
    return Reconciliation(
        format=name,
        first=min(row.day for row in rows),
        last=max(row.day for row in rows),
        holds=not any(total.standing in BROKEN for total in totals),
        totals=totals,
        lines=tuple(lines),
        unknown_models=tuple(unknown),
        notes=tuple(_notes(lines, whole)),
    )


_Key = tuple[date, str, str]


def _theirs(rows: Sequence[Charged], ledger: Sequence[LedgerDay], prices: Prices) -> dict[_Key, _Side]:
    sides: defaultdict[_Key, _Side] = defaultdict(_Side)
    known = {(one.vendor, _plain(one.model)): one.model for one in ledger}
    undivided = _undivided(rows)
    for row in rows:
        model = ALL_MODELS if row.vendor in undivided else _ours_named(row, known)
        side = sides[row.day, row.vendor, model]
        side.rounded_nusd += row.rounded_nusd
        if row.usage is not None:
            before = side.tokens or (0, 0)
            side.tokens = (before[0] + row.usage.input_tokens, before[1] + row.usage.output_tokens)
        if row.cost_nusd is not None:
            side.cost_nusd += row.cost_nusd
        elif row.usage is not None:
            rates = prices.rates(row.vendor, _ours_named(row, known), on=row.day)
            side.computed, side.unpriced = True, side.unpriced or rates is None
            side.cost_nusd += _least(row.usage, rates) if rates is not None else 0
    return dict(sides)


ALL_MODELS = "all models"
"""Where a file does not say which model, a vendor's day is compared as a whole."""


def _undivided(rows: Sequence[Charged]) -> set[str]:
    return {row.vendor for row in rows if not row.model}


def _ours(rows: Sequence[Charged], ledger: Sequence[LedgerDay]) -> dict[_Key, _Side]:
    vendors = {row.vendor for row in rows}
    undivided = _undivided(rows)
    first, last = min(row.day for row in rows), max(row.day for row in rows)
    sides: defaultdict[_Key, _Side] = defaultdict(_Side)
    for one in ledger:
        if one.vendor in vendors and first <= one.day <= last:
            side = sides[one.day, one.vendor, ALL_MODELS if one.vendor in undivided else one.model]
            side.cost_nusd += one.cost_nusd
            before = side.tokens or (0, 0)
            side.tokens = (before[0] + one.input_tokens, before[1] + one.output_tokens)
    return dict(sides)


def _compared(key: _Key, ours: _Side | None, theirs: _Side | None) -> Compared:
    day, vendor, model = key
    mine = ours or _Side()
    told = None if theirs is None or theirs.unpriced else theirs.cost_nusd
    return Compared(
        day=day,
        vendor=vendor,
        model=model,
        ours=money(mine.cost_nusd),
        theirs=None if told is None else money(told),
        difference=None if told is None else money(mine.cost_nusd - told),
        computed=theirs is not None and theirs.computed,
        our_tokens=mine.tokens or (0, 0),
        their_tokens=None if theirs is None else theirs.tokens,
        standing=_standing(ours, theirs),
    )


def _standing(ours: _Side | None, theirs: _Side | None) -> Standing:
    if theirs is None:
        return Standing.ONLY_OURS
    billed = theirs.cost_nusd > 0 or theirs.unpriced
    if ours is None:
        return Standing.UNKNOWN if billed or any(theirs.tokens or ()) else Standing.HOLDS
    if theirs.unpriced:
        return Standing.UNPRICED
    return _of_amounts(ours.cost_nusd, theirs.cost_nusd, theirs.rounded_nusd)


def _of_amounts(ours: int, theirs: int, rounded: int) -> Standing:
    if theirs <= ours:
        return Standing.HOLDS
    return Standing.ROUNDING if theirs - ours <= rounded else Standing.MORE


def _total(vendor: str, lines: Sequence[Compared], theirs: dict[_Key, _Side]) -> Total:
    mine = [line for line in lines if line.vendor == vendor]
    ours = sum(line.ours.nusd for line in mine)
    billed = sum(line.theirs.nusd for line in mine if line.theirs is not None)
    rounded = sum(side.rounded_nusd for (_, of, _), side in theirs.items() if of == vendor)
    return Total(vendor, money(ours), money(billed), money(ours - billed), _of_amounts(ours, billed, rounded))


def _notes(lines: Sequence[Compared], whole: bool) -> list[str]:
    notes: list[str] = []
    if not whole:
        notes.append("The file says that more pages follow: what is only in the ledger may be on those.")
    if any(line.computed for line in lines):
        notes.append("The file tells tokens and no money: theirs is what those cost at the lowest tier of the price.")
    if any(line.standing in BROKEN for line in lines):
        notes.append(
            "A vendor counts a call on the day it answered, the ledger on the day it was reserved; and whatever else "
            "uses the same account is on the bill too. Ask for an export of Motif's own key."
        )
    return notes


def _least(usage: Usage, rates: Rates) -> int:
    return cost_nusd(usage, Rates(rates.tiers[:1], rates.version))


_DATED = re.compile(r"[-@](\d{8}|\d{4}-\d\d-\d\d)$")


def _ours_named(row: Charged, known: dict[tuple[str, str], str]) -> str:
    """The ledger's name of a model: the same but for case, spaces and dots, or for a date at the end of theirs."""
    plain = _plain(row.model)
    return known.get((row.vendor, plain)) or known.get((row.vendor, _DATED.sub("", plain))) or row.model


def _plain(model: str) -> str:
    return re.sub(r"[ .]+", "-", model.strip().lower())
