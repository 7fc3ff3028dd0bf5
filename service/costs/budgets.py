"""Budgets as they are shown and set: dollars outside, nano-dollars inside, shares and alerts by today's limit. Pure."""

from collections.abc import Sequence
from decimal import Context, Decimal, InvalidOperation
from uuid import UUID

import msgspec

from routing.price import NUSD
from service.costs.money import Money, money, shown
from service.errors import RequestInvalid
from service.storage.budgets import MOST_A_DAY_NUSD, MOST_A_MONTH_NUSD, BudgetKind, BudgetState, Spent

ALERTS = (50, 75, 90, 100)
"""Percent of a limit at which somebody is told, once a period."""


# Longer than any amount that people write: nothing is rounded on the way.
_LONGEST_TEXT = 60
_EXACT = Context(prec=2 * _LONGEST_TEXT)


class PeriodShown(msgspec.Struct, frozen=True):
    """A day or month. `left` and `share` (settled by limit) are null without a limit; `alerts`: percents passed."""

    limit: Money | None
    settled: Money
    held: Money
    left: Money | None
    share: float | None
    alerts: list[int]


class BudgetShown(msgspec.Struct, frozen=True):
    """A budget today and this month. `closed`: it grants nothing, since nobody has set a limit."""

    key: str
    kind: BudgetKind
    vendor: str | None
    project_id: UUID | None
    project: str | None
    closed: bool
    day: PeriodShown
    month: PeriodShown


def budget_shown(state: BudgetState) -> BudgetShown:
    """A budget for people and programs."""
    budget = state.budget
    unlimited = state.day.limit_nusd is None and state.month.limit_nusd is None
    return BudgetShown(
        budget.key,
        budget.kind,
        budget.vendor,
        budget.project_id,
        state.project,
        unlimited and budget.kind in ("total", "emergency"),
        _period(state.day),
        _period(state.month),
    )


def opens_commercial(budgets: Sequence[BudgetShown]) -> bool:
    """Whether anything commercial may be spent at all, as far as the total goes."""
    return any(one.kind == "total" and not one.closed for one in budgets)


def amounts_by_part(budgets: Sequence[BudgetState]) -> dict[tuple[str, str, str], float]:
    """Dollars by budget, period and part (limit, settled, held), of those that are no project's."""
    return {
        (state.budget.key, period, part): nusd / NUSD
        for state in budgets
        if state.budget.project_id is None
        for period, spent in (("day", state.day), ("month", state.month))
        for part, nusd in (("limit", spent.limit_nusd), ("settled", spent.settled_nusd), ("held", spent.held_nusd))
        if nusd is not None
    }


def parse_usd(text: str, *, period: str) -> int:
    """Dollars as people write them, such as 50 or 0.25, in nano-dollars; `period`: day or month.

    Raises RequestInvalid for what is no amount, negative, finer than a nano-dollar or beyond what a limit can be.
    """
    most = MOST_A_DAY_NUSD if period == "day" else MOST_A_MONTH_NUSD
    if len(text) > _LONGEST_TEXT:
        raise not_an_amount(text)
    try:
        dollars = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        raise not_an_amount(text) from None
    if not dollars.is_finite():
        raise not_an_amount(text)
    if dollars.is_signed() and dollars != 0:
        raise RequestInvalid("A budget cannot be negative.", fix="Give 0 to spend nothing.")
    if dollars > Decimal(most) / NUSD:
        raise RequestInvalid(f"That is more than a budget for a {period} can be.", fix=f"Give {shown(most)} at most.")
    exact = dollars.scaleb(9, _EXACT)
    if (dollars and dollars.adjusted() < -9) or exact != exact.to_integral_value(context=_EXACT):
        raise RequestInvalid("An amount has 9 decimals at most.", fix="Round it.")
    return int(exact)


def not_an_amount(text: str) -> RequestInvalid:
    """What is said of a text that is no amount."""
    return RequestInvalid(f"{text[:40]!r} is no amount of dollars.", fix="Write it like 50 or 0.25.")


def _period(spent: Spent) -> PeriodShown:
    limit = spent.limit_nusd
    return PeriodShown(
        None if limit is None else money(limit),
        money(spent.settled_nusd),
        money(spent.held_nusd),
        None if limit is None else money(max(limit - spent.settled_nusd - spent.held_nusd, 0)),
        spent.settled_nusd / limit if limit else None,
        [percent for percent in ALERTS if limit and spent.settled_nusd * 100 >= limit * percent],
    )
