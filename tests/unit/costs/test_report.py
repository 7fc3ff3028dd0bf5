from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.price import NUSD, Rates, Tier, Usage, cost_nusd
from service.costs.csv_text import safe
from service.costs.egress import summary_of
from service.costs.forecast import forecast_of
from service.costs.report import NOBODYS, added, compute_nusd, lines
from service.costs.savings import dearest, savings_of
from service.costs.telling import range_of
from service.errors import RequestInvalid
from service.storage.costs import DayRow, SumRow, ValidatedRow
from service.storage.egress import SentTo

TODAY = date(2026, 11, 20)
NUMBERS = st.integers(0, 10**12)
ROWS = st.builds(SumRow, **dict.fromkeys(SumRow.__struct_fields__, NUMBERS))
FIELDS = ("calls", "answered", "estimated_calls", "input_tokens", "cache_read_tokens", "output_tokens")


def row(cost_nusd: int = 0, calls: int = 1) -> SumRow:
    return SumRow(**{**dict.fromkeys(SumRow.__struct_fields__, 0), "calls": calls, "cost_nusd": cost_nusd})


@given(
    st.lists(
        st.tuples(st.tuples(st.sampled_from([None, UUID(int=1)]), st.sampled_from([None, *"abcdef"])), ROWS),
        max_size=30,
    )
)
def test_a_breakdown_sums_to_what_it_was_made_of(found: list[tuple[tuple[UUID | None, str | None], SumRow]]) -> None:
    made = lines(found, {})
    for field in FIELDS:
        assert sum(getattr(line, field) for line in made) == sum(getattr(one, field) for _, one in found)
    assert sum(line.cost.nusd for line in made) == sum(one.cost_nusd for _, one in found)
    assert sum(line.estimated.nusd for line in made) == sum(one.estimated_nusd for _, one in found)
    assert sum(line.key is None for line in made) <= 1


@given(st.lists(NUMBERS, min_size=101, max_size=140))
def test_what_is_over_a_hundred_lines_is_one_line_and_no_money_less(costs: list[int]) -> None:
    made = lines([((f"m{n}",), row(cost)) for n, cost in enumerate(costs)], {})
    assert (len(made), made[-1].name) == (101, f"{len(costs) - 100} others")
    assert sum(line.cost.nusd for line in made) == sum(costs)


def test_lines_come_the_dearest_first_and_have_names() -> None:
    known, gone = uuid4(), uuid4()
    made = lines([((gone,), row(1)), ((None,), row(5)), ((known,), row(9))], {known: "ours"})
    assert [(line.key, line.name) for line in made] == [(str(known), "ours"), (None, NOBODYS), (str(gone), str(gone))]


@given(ROWS, ROWS)
def test_adding_keeps_every_number(one: SumRow, other: SumRow) -> None:
    assert added(one, other).latency_ms == one.latency_ms + other.latency_ms


def test_an_hour_of_local_models_is_worth_what_was_said() -> None:
    assert compute_nusd(3_600_000, Decimal("0.36")) == 360_000_000
    assert compute_nusd(1, Decimal("0.000000001")) == 1  # what is begun counts
    assert compute_nusd(3_600_000, Decimal(0)) == 0


TIERS = Rates((Tier(4 * NUSD, 20 * NUSD, NUSD // 5, 5 * NUSD), Tier(8 * NUSD, 40 * NUSD, NUSD, 9 * NUSD, 1_001)), "v")


@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 500), st.integers(0, 900)), max_size=20))
def test_a_baseline_costs_what_each_task_would_have_cost_alone(calls: list[tuple[int, int, int]]) -> None:
    usages = [Usage(read + cached, output, cached) for read, output, cached in calls]
    rows = [
        ValidatedRow(
            tier,
            len(of_tier),
            sum(one.input_tokens for one in of_tier),
            sum(one.cache_read_tokens for one in of_tier),
            0,
            sum(one.output_tokens for one in of_tier),
            *(0, 0, 0),
        )
        for tier, of_tier in (
            (1, [one for one in usages if one.input_tokens < 1_001]),
            (2, [one for one in usages if one.input_tokens >= 1_001]),
        )
    ]
    told = savings_of("v/m", TIERS, rows, Decimal(0))
    alone = sum(cost_nusd(one, TIERS) for one in usages)
    assert 0 <= alone - told.would_have_cost.nusd < max(len(usages), 1)  # each rounded up alone, or all together


def test_the_dearest_is_that_of_a_usual_task() -> None:
    cheap_to_read = Rates((Tier(NUSD, 30 * NUSD, 0, 0),), "v")
    cheap_to_write = Rates((Tier(5 * NUSD, 10 * NUSD, 0, 0),), "v")
    assert dearest([("a/reads", cheap_to_read), ("b/writes", cheap_to_write)]) == ("b/writes", cheap_to_write)
    assert dearest([]) is None


def forecast_costs(costs: Sequence[int], spent_today: int = 0, begins: date | None = None) -> tuple[int, int, int]:
    """Costs of the days before today, the latest first, as dollars; the forecast as dollars."""
    days = [DayRow(TODAY - timedelta(days=n), 1, cost * NUSD, 0) for n, cost in enumerate(costs, 1)]
    days.append(DayRow(TODAY, 1, spent_today * NUSD, 0))
    told = forecast_of(TODAY, begins or TODAY - timedelta(days=100), days)
    assert told is not None
    assert told.low.nusd <= told.expected.nusd <= told.high.nusd
    return tuple(round(amount.nusd / NUSD) for amount in (told.low, told.expected, told.high))


def test_a_forecast_is_the_mean_for_every_day_left_and_what_is_missing_of_today() -> None:
    # 7 days of 10 are 70; 10 days are left of November, and today
    assert forecast_costs([10] * 7) == (180, 180, 180)
    assert forecast_costs([10] * 7, spent_today=4) == (180, 180, 180)
    assert forecast_costs([10] * 7, spent_today=25) == (195, 195, 195)


def test_days_that_differ_make_the_range_wide() -> None:
    # mean 10, standard deviation 10.8: 110 ahead, 2.45 x 10.8 x sqrt(11 + 121 / 7) = 141
    low, expected, high = forecast_costs([0, 20, 0, 20, 0, 20, 10])
    assert (low, expected) == (70, 180)
    assert high == pytest.approx(180 + 135, abs=10)


def test_days_without_a_cost_count_but_those_before_the_ledger_do_not() -> None:
    assert forecast_costs([7, 0, 0, 0, 0, 0, 0])[1] == 7 + 11
    assert forecast_costs([7, 7], begins=TODAY - timedelta(days=2))[1] == 14 + 77


def test_two_whole_days_are_the_least_that_a_forecast_takes() -> None:
    assert forecast_of(TODAY, None, []) is None
    assert forecast_of(TODAY, TODAY, [DayRow(TODAY, 1, 5, 0)]) is None
    assert forecast_of(TODAY, TODAY - timedelta(days=1), []) is None


@pytest.mark.parametrize(
    ("first", "last", "days", "meant"),
    [
        (None, None, None, (date(2026, 10, 22), TODAY)),
        (None, None, 1, (TODAY, TODAY)),
        (date(2026, 1, 1), None, None, (date(2026, 1, 1), TODAY)),
        (None, date(2026, 1, 7), 7, (date(2026, 1, 1), date(2026, 1, 7))),
        (date(2025, 11, 20), TODAY, None, (date(2025, 11, 20), TODAY)),
        (None, date.min, None, (date.min, date.min)),
    ],
    ids=["nothing", "a-day", "from", "days-up-to", "a-year", "the-first-day-of-all"],
)
def test_a_range_counts_both_of_its_ends(
    first: date | None, last: date | None, days: int | None, meant: tuple[date, date]
) -> None:
    of = range_of(TODAY, first=first, last=last, days=days, project=None)
    assert (of.first, of.last) == meant


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [(TODAY, TODAY - timedelta(days=1), None), (date(2025, 11, 19), TODAY, None), (TODAY, None, 1)],
    ids=["backwards", "over-a-year", "both-ways"],
)
def test_a_range_that_says_two_things_is_refused(first: date, last: date | None, days: int | None) -> None:
    with pytest.raises(RequestInvalid):
        range_of(TODAY, first=first, last=last, days=days, project=None)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "|calc", "%0A"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"


def test_other_cells_stay_as_they_are() -> None:
    assert [safe(cell) for cell in ("a=b", "", -5, None)] == ["a=b", "", -5, ""]


def sent(place: str, host: str, size: int) -> SentTo:
    return SentTo("v", host, place, 1, size, 0)  # type: ignore[arg-type]


def test_what_left_is_said_in_plain_words() -> None:
    def said(rows: Sequence[SentTo]) -> str:
        return summary_of(TODAY, TODAY, rows, 0).said

    assert said([]) == "Nothing left this machine."
    assert said([sent("local", "10.0.0.7", 5)]).startswith("Nothing went to a commercial model")
    assert said([sent("commercial", "b", 1_000), sent("commercial", "a", 1), sent("local", "c", 7)]) == (
        "1,001 bytes went to commercial models at a, b."
    )
