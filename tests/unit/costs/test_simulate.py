from datetime import UTC, datetime, timedelta

import pytest

from routing.catalog import Catalog, Model, Place
from routing.outcome import Counts, Experience
from routing.price import FREE, NUSD, Rates, Tier
from routing.rules import RULES, Rules
from routing.task import Importance, TaskType
from service.costs.policy_file import DayLimits
from service.costs.redeciding import Past, Redecided, redecide
from service.costs.simulate import simulate

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RATES = Rates((Tier(NUSD, 5 * NUSD, 0, 0),), "test")  # a dollar a million in, five out
LOCAL = Model("ollama", "small", Place.LOCAL, "", 128_000, 4_096, FREE)
CHEAP = Model("openai", "cheap", Place.COMMERCIAL, "", 128_000, 4_096, RATES)
CATALOG = Catalog((LOCAL, CHEAP))
NO_LIMIT = DayLimits()


def past(
    complexity: float = 0.5, *, vendors: frozenset[str] | None = None, began_at: datetime = NOW, **more: object
) -> Past:
    values = {
        "type": TaskType.COMPLEX_REASONING,
        "importance": Importance.NORMAL,
        "bytes_out": 4_000,
        "input_tokens": 1_000,
        "output_tokens": 100,
        "cost_nusd": 0,
        "stood": True,
        "input_hash": "x",
        **more,
    }
    return Past(complexity=complexity, vendors=vendors, began_at=began_at, **values)  # type: ignore[arg-type]


def decided(
    *tasks: Past, rules: Rules = RULES, limits: DayLimits = NO_LIMIT, experience: Experience | None = None
) -> Redecided:
    return redecide(tasks, CATALOG, experience or Experience(), rules, limits, now=NOW)


def models(found: Redecided) -> list[list[str]]:
    return [[step.key[0] for step in steps] for steps in found.steps]


HARD, EASY = past(0.95), past(0.1)


def test_an_easy_task_stays_and_goes_on_to_a_stronger_model_where_it_fails() -> None:
    assert models(decided(EASY)) == [["ollama/small", "openai/cheap"]]


def test_a_hard_task_goes_to_whom_it_takes() -> None:
    assert models(decided(HARD)) == [["openai/cheap"]]
    # 1,000 tokens in at a dollar a million, 100 out at five
    assert decided(HARD).steps[0][0].cost_nusd == 1_000_000 + 500_000


def test_a_higher_threshold_keeps_a_task_at_home() -> None:
    rules = Rules(thresholds={**RULES.thresholds, TaskType.COMPLEX_REASONING: 1.0})
    assert models(decided(HARD, rules=rules))[0][0] == "ollama/small"


def test_a_source_that_denies_keeps_its_tasks_at_home() -> None:
    assert models(decided(past(0.95, vendors=frozenset()))) == [["ollama/small"]]


def test_what_was_learned_counts() -> None:
    failing = Experience({("openai/cheap", TaskType.COMPLEX_REASONING, 4): Counts(0, 1_000, NOW)})
    assert models(decided(HARD, experience=failing))[0][0] == "ollama/small"


def test_a_budget_that_is_spent_says_no_until_the_next_day() -> None:
    # the worst case of one is 5,024 tokens in and 4,096 out: 25,504,000; on average it costs 1,500,000
    limits = DayLimits(total_nusd=28_000_000)
    tomorrow = past(0.95, began_at=NOW + timedelta(days=1))
    found = decided(HARD, HARD, HARD, tomorrow, limits=limits)
    assert [steps[0] for steps in models(found)] == ["openai/cheap", "openai/cheap", "ollama/small", "openai/cheap"]
    assert found.refused_by_budget == 1
    assert models(decided(HARD, limits=DayLimits(vendors={"openai": 0}))) == [["ollama/small"]]


def test_a_policy_against_itself_makes_no_difference() -> None:
    tasks = [past(n / 50) for n in range(50)]
    told = simulate(tasks, decided(*tasks), decided(*tasks))
    assert [told.cost_difference.low.nusd, told.cost_difference.high.nusd] == [0, 0]
    assert (told.success_difference.low, told.success_difference.high) == (0, 0)


def test_expected_money_and_success_are_those_of_the_attempts() -> None:
    told = simulate([HARD], decided(HARD), decided(HARD))
    assert told.now.cost.expected.nusd == 1_500_000
    assert told.now.success.expected == pytest.approx(0.95)
    told = simulate([EASY], decided(EASY), decided(EASY))
    # .30 at home; in the other .70 somebody is paid, and .95 of those stand
    assert told.now.cost.expected.nusd == pytest.approx(0.7 * 1_500_000)
    assert told.now.success.expected == pytest.approx(0.3 + 0.7 * 0.95)


def test_a_range_holds_what_is_expected_and_narrows_with_what_is_known() -> None:
    tasks = [past(0.95) for _ in range(40)]
    little = simulate(tasks, decided(*tasks), decided(*tasks)).now.success
    seen = Experience({("openai/cheap", TaskType.COMPLEX_REASONING, 4): Counts(9_500, 500, NOW)})
    much = simulate(tasks, decided(*tasks, experience=seen), decided(*tasks, experience=seen)).now.success
    assert little.low <= little.expected <= little.high
    assert much.high - much.low < (little.high - little.low) / 5


def test_the_same_is_told_each_time() -> None:
    tasks = [past(n / 20, cost_nusd=n) for n in range(20)]
    dearer = decided(*tasks, rules=Rules(thresholds=dict.fromkeys(TaskType, 0.0)))
    assert simulate(tasks, decided(*tasks), dearer) == simulate(tasks, decided(*tasks), dearer)


def test_money_and_success_go_up_when_nothing_is_done_at_home() -> None:
    tasks = [past(n / 20) for n in range(20)]
    rules = Rules(thresholds=dict.fromkeys(TaskType, 0.0))
    told = simulate(tasks, decided(*tasks), decided(*tasks, rules=rules))
    assert told.cost_difference.low.nusd > 0
    assert told.tried.first_choices == {"openai/cheap": 20}


def test_what_really_happened_is_told_beside_it() -> None:
    tasks = [past(cost_nusd=5), past(cost_nusd=7, stood=False)]
    told = simulate(tasks, decided(*tasks), decided(*tasks), never_asked=3)
    assert (told.happened.cost.nusd, told.happened.success, told.never_asked) == (12, 0.5, 3)
    assert len(told.unknown) >= 4


def test_where_nobody_may_be_asked_nothing_costs_and_nothing_stands() -> None:
    nobody = Redecided(((), ()), 0, 2)
    told = simulate([HARD, EASY], nobody, nobody)
    assert (told.now.cost.high.nusd, told.now.success.high, told.now.first_choices) == (0, 0.0, {"builtin": 2})


def test_the_range_of_the_rules_in_force_is_the_same_beside_every_policy() -> None:
    tasks = [past(number / 40, input_hash=str(number)) for number in range(40)]
    now = decided(*tasks)
    stricter = Rules(targets=dict.fromkeys(RULES.targets, 0.99))
    local = Catalog((Model("ollama", "other", Place.LOCAL, "", 128_000, 4_096, FREE),))
    others = (now, decided(*tasks, rules=stricter), redecide(tasks, local, Experience(), RULES, NO_LIMIT, now=NOW))
    beside = [simulate(tasks, now, tried) for tried in others]
    assert beside[0].now == beside[1].now == beside[2].now
    assert len({one.tried.success for one in beside}) > 1
