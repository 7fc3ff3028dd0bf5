"""Dollars as people write them, and shares of a limit."""

import pytest

from service.costs.budgets import budget_shown, opens_commercial, parse_usd
from service.errors import NotFound, RequestInvalid
from service.storage.budgets import Budget, BudgetState, Spent, budget_of


@pytest.mark.parametrize(
    ("text", "nusd"),
    [("50", 50_000_000_000), ("$0.25", 250_000_000), (" 1.000000001 ", 1_000_000_001), ("0", 0), ("1e3", 10**12)],
)
def test_an_amount_is_read_to_the_last_nano_dollar(text: str, nusd: int) -> None:
    assert parse_usd(text, period="day") == nusd


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-1", "negative"),
        ("nan", "no amount"),
        ("inf", "no amount"),
        ("fifty", "no amount"),
        ("", "no amount"),
        ("0.0000000001", "9 decimals"),
        ("1000001", "more than"),
        ("1e999999", "more than"),
        ("1e-999999", "9 decimals"),
        ("1.00000000000000000000000000000000001", "9 decimals"),
        ("9" * 100, "no amount"),
    ],
)
def test_what_is_no_amount_is_said_to_be_none_in_one_line(text: str, says: str) -> None:
    with pytest.raises(RequestInvalid, match=says) as error:
        parse_usd(text, period="day")
    assert "\n" not in str(error.value)


def test_shares_and_alerts_are_of_the_limit_there_is_now() -> None:
    shown = budget_shown(BudgetState(Budget("total"), None, Spent(200, 150, 30), Spent(None, 150, 30)))
    assert (shown.day.share, shown.day.alerts) == (0.75, [50, 75])
    assert shown.day.left is not None
    assert shown.day.left.nusd == 20
    assert (shown.month.limit, shown.month.left, shown.month.share, shown.month.alerts) == (None, None, None, [])
    assert opens_commercial([shown])


def test_a_total_without_a_limit_grants_nothing_and_a_vendor_without_one_only_counts() -> None:
    nothing = Spent(None, 0, 0)
    total, vendor = (
        budget_shown(BudgetState(budget, None, nothing, nothing))
        for budget in (Budget("total"), Budget("vendor", vendor="openai"))
    )
    assert (total.closed, vendor.closed) == (True, False)
    assert not opens_commercial([total, vendor])
    assert not opens_commercial([])


@pytest.mark.parametrize(
    "key", ["total", "emergency", "vendor:anthropic", "project:00000000-0000-4000-8000-000000000001"]
)
def test_a_budget_is_written_as_it_is_read(key: str) -> None:
    assert budget_of(key).key == key


@pytest.mark.parametrize("key", ["", "totals", "vendor:", "vendor:nobody", "project:shop", "total:x", "vendor"])
def test_what_is_no_budget_is_not_found(key: str) -> None:
    with pytest.raises(NotFound):
        budget_of(key)
