from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.price import NUSD
from service.costs.money import money, shown, total, usd


@pytest.mark.parametrize(
    ("nusd", "written"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (10_000_000, "0.01"),
        (3_100_000, "0.0031"),
        (12 * NUSD + 500_000_000, "12.50"),
        (-1_500_000_000, "-1.50"),
        (-1, "-0.000000001"),
    ],
)
def test_dollars_are_written_to_the_last_nano_dollar(nusd: int, written: str) -> None:
    assert usd(nusd) == written


@given(st.integers(-(10**18), 10**18))
def test_what_is_written_is_exactly_what_was_spent(nusd: int) -> None:
    assert Decimal(usd(nusd)) * NUSD == nusd


@pytest.mark.parametrize(
    ("nusd", "read"),
    [
        (0, "$0"),
        (1, "$0.000000001"),
        (12_345, "$0.0000123"),
        (3_100_000, "$0.0031"),
        (123_456_789, "$0.1235"),
        (1_234 * NUSD, "$1,234.0000"),
        (-3_100_000, "-$0.0031"),
        (99_999, "$0.0001"),
    ],
)
def test_people_read_fractions_of_a_cent_and_never_a_zero_that_is_none(nusd: int, read: str) -> None:
    assert shown(nusd) == read


@given(st.integers(1, 10**18))
def test_what_cost_something_is_never_shown_as_nothing(nusd: int) -> None:
    assert any(digit in shown(nusd) for digit in "123456789")


def test_amounts_add_up() -> None:
    assert total([money(1), money(2)]) == money(3)
