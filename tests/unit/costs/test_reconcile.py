from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from routing.price import Usage
from service.costs.charged import Charged
from service.costs.reconcile import ALL_MODELS, STANDINGS, Reconciliation, Standing, reconcile
from service.models.prices import Prices
from service.storage.costs import LedgerDay

DAY = date(2026, 11, 2)
HAIKU, OPUS = "claude-haiku-5-5", "claude-opus-5-5"


def ours(cost_nusd: int, model: str = HAIKU, day: date = DAY, vendor: str = "anthropic") -> LedgerDay:
    return LedgerDay(day, vendor, model, 1, cost_nusd, 1_000, 100)


def bill(cost_nusd: int, model: str = HAIKU, day: date = DAY, rounded: int = 0) -> Charged:
    return Charged(day, "anthropic", model, None, cost_nusd, rounded)


def compared(rows: Sequence[Charged], ledger: Sequence[LedgerDay]) -> Reconciliation:
    return reconcile("test", rows, ledger, Prices(), whole=True)


def standings(told: Reconciliation) -> dict[tuple[date, str], Standing]:
    return {(line.day, line.model): line.standing for line in told.lines}


def test_a_bill_that_is_no_more_than_the_ledger_holds() -> None:
    told = compared([bill(10)], [ours(12)])
    assert (told.holds, told.lines[0].difference and told.lines[0].difference.nusd) == (True, 2)
    assert standings(told) == {(DAY, HAIKU): Standing.HOLDS}


def test_a_bill_that_is_more_is_flagged() -> None:
    told = compared([bill(13)], [ours(12)])
    assert not told.holds
    assert standings(told) == {(DAY, HAIKU): Standing.MORE}
    assert told.notes


def test_what_a_file_rounds_away_is_no_difference() -> None:
    assert standings(compared([bill(13, rounded=1)], [ours(12)])) == {(DAY, HAIKU): Standing.ROUNDING}
    assert compared([bill(13, rounded=1)], [ours(12)]).holds
    assert not compared([bill(14, rounded=1)], [ours(12)]).holds


def test_lines_of_one_model_and_day_are_added() -> None:
    told = compared([bill(5), bill(6)], [ours(11)])
    assert (len(told.lines), told.holds) == (1, True)


def test_a_call_at_midnight_is_flagged_by_its_day_and_holds_in_sum() -> None:
    next_day = DAY + timedelta(days=1)
    told = compared([bill(5), bill(15, day=next_day)], [ours(10), ours(10, day=next_day)])
    assert standings(told)[next_day, HAIKU] is Standing.MORE
    assert told.holds


def test_a_model_that_was_never_asked_is_named() -> None:
    told = compared([bill(5), bill(1, "claude-other")], [ours(5)])
    assert told.unknown_models == ("anthropic/claude-other",)
    assert standings(told)[DAY, "claude-other"] is Standing.UNKNOWN
    assert not told.holds


def test_what_only_the_ledger_has_is_said() -> None:
    assert standings(compared([bill(5)], [ours(5), ours(7, OPUS)]))[DAY, OPUS] is Standing.ONLY_OURS


def test_days_and_vendors_that_the_file_does_not_cover_are_left_out() -> None:
    told = compared([bill(5)], [ours(5), ours(7, day=DAY + timedelta(days=1)), ours(9, "gpt", vendor="openai")])
    assert len(told.lines) == 1


def test_names_are_the_same_but_for_case_spaces_dots_and_a_date() -> None:
    for name in ("Claude Haiku 5.5", "claude-haiku-5-5-20260901", "claude-haiku-5-5@20260901", "CLAUDE-HAIKU-5-5"):
        assert standings(compared([bill(5, name)], [ours(5)])) == {(DAY, HAIKU): Standing.HOLDS}
    assert Standing.UNKNOWN in standings(compared([bill(5, "claude-haiku-5-5-fast")], [ours(5)])).values()


def test_a_bill_that_names_no_model_is_held_against_the_whole_day() -> None:
    told = compared([bill(11, "")], [ours(5), ours(7, OPUS)])
    assert standings(told) == {(DAY, ALL_MODELS): Standing.HOLDS}
    assert not compared([bill(11, ""), bill(2)], [ours(5), ours(7, OPUS)]).holds


def test_tokens_without_money_are_priced_at_the_lowest_tier() -> None:
    # .10 dollars a million in, .50 out: 1,000,000 tokens in many calls are at least .10 dollars
    rows = [Charged(DAY, "anthropic", HAIKU, Usage(1_000_000, 0))]
    [line] = compared(rows, [ours(100_000_000)]).lines
    assert (line.theirs and line.theirs.usd, line.computed, line.standing) == ("0.10", True, Standing.HOLDS)
    assert not compared(rows, [ours(99_999_999)]).holds


def test_tokens_of_a_model_that_nobody_prices_are_told_as_that() -> None:
    rows = [Charged(DAY, "compatible", "qwen", Usage(5, 5))]
    [line] = compared(rows, [ours(3, "qwen", vendor="compatible")]).lines
    assert (line.theirs, line.standing) == (None, Standing.UNPRICED)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 100)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 100)), max_size=20),
)
def test_no_money_of_either_side_is_lost_in_comparing(
    billed: list[tuple[int, str, int]], written: list[tuple[int, str, int]]
) -> None:
    rows = [bill(cost, model, DAY + timedelta(days=n)) for n, model, cost in billed]
    ledger = [ours(cost, model, DAY + timedelta(days=n)) for n, model, cost in written]
    told = compared(rows, ledger)
    covered = [one for one in ledger if told.first <= one.day <= told.last]
    assert sum(total.theirs.nusd for total in told.totals) == sum(cost for _, _, cost in billed)
    assert sum(total.ours.nusd for total in told.totals) == sum(one.cost_nusd for one in covered)
    assert told.holds == (sum(cost for _, _, cost in billed) <= sum(one.cost_nusd for one in covered))


def test_every_standing_is_said_in_words() -> None:
    assert set(STANDINGS) == set(Standing)
