import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.price import Rates, Tier, Usage, cost_nusd, tier_of, worst_case_nusd

# Dollars for a million tokens: 3 in, 15 out, .30 from the cache, 3.75 into it; twice that from 200,001 tokens on.
PLAIN = Tier(3_000_000_000, 15_000_000_000, 300_000_000, 3_750_000_000)
LARGE = Tier(6_000_000_000, 30_000_000_000, 600_000_000, 7_500_000_000, 200_001)
RATES = Rates((PLAIN, LARGE), "test")


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(), 0),
        (Usage(input_tokens=1_000, output_tokens=200), 3_000_000 + 3_000_000),
        # 1,000 read, 900 of them from the cache: 100 x 3,000 + 900 x 300
        (Usage(input_tokens=1_000, cache_read_tokens=900), 300_000 + 270_000),
        # 1,000 read, 400 into the cache and 500 from it: 100 x 3,000 + 500 x 300 + 400 x 3,750
        (Usage(input_tokens=1_000, cache_read_tokens=500, cache_write_tokens=400), 300_000 + 150_000 + 1_500_000),
        # the last call of the lower tier, and the first where every token costs twice as much
        (Usage(input_tokens=200_000, output_tokens=1), 600_000_000 + 15_000),
        (Usage(input_tokens=200_001, output_tokens=1), 1_200_006_000 + 30_000),
        # cached tokens count for the tier: they were read
        (Usage(input_tokens=200_001, cache_read_tokens=200_001), 120_000_600),
    ],
)
def test_a_call_costs_what_the_vendor_charges(usage: Usage, cost: int) -> None:
    assert cost_nusd(usage, RATES) == cost


def test_a_part_of_a_nano_dollar_is_a_whole_one() -> None:
    assert cost_nusd(Usage(input_tokens=1), Rates((Tier(1, 1, 1, 1),), "test")) == 1


def test_more_tokens_from_the_cache_than_were_read_are_never_cheaper_than_those_read() -> None:
    assert cost_nusd(Usage(input_tokens=0, cache_read_tokens=200_001), RATES) == 120_000_600


def test_the_tier_is_that_of_all_tokens_read() -> None:
    assert tier_of(RATES, 0) is PLAIN
    assert tier_of(RATES, 200_000) is PLAIN
    assert tier_of(RATES, 200_001) is LARGE


@pytest.mark.parametrize(
    "tiers",
    [(), (LARGE,), (PLAIN, PLAIN), (PLAIN, LARGE, LARGE), (Tier(-1, 0, 0, 0),), (Tier(0, 0, 0, -1),)],
    ids=["none", "not-from-0", "twice-from-0", "twice-the-same", "pays-for-input", "pays-for-the-cache"],
)
def test_rates_that_leave_a_call_without_a_price_are_no_rates(tiers: tuple[Tier, ...]) -> None:
    with pytest.raises(ValueError, match=r"tiers begin|not below"):
        Rates(tiers, "test")


rates_of_a_tier = st.integers(0, 600_000_000_000)


@given(
    st.lists(st.tuples(*[rates_of_a_tier] * 4), min_size=1, max_size=4),
    st.lists(st.integers(1, 1_000_000), min_size=3, max_size=3, unique=True),
    st.integers(0, 1_000_000),
    st.integers(0, 1_000_000),
    st.integers(0, 100_000),
    st.integers(0, 100_000),
)
def test_no_call_costs_more_than_its_worst_case(
    tiers: list[tuple[int, int, int, int]], starts: list[int], read: int, written: int, plain: int, output: int
) -> None:
    rates = Rates(tuple(Tier(*t, s) for t, s in zip(tiers, [0, *sorted(starts)], strict=False)), "test")
    usage = Usage(read + written + plain, output, read, written)
    assert cost_nusd(usage, rates) <= worst_case_nusd(usage.input_tokens, usage.output_tokens, rates)
