"""The chooser, case by case; the properties that hold in every case stand in test_policy_properties.py."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from parts import CHEAP, DEAR, MIDDLE, NOON, catalog, local, rates, remote, task, verdicts

from routing.budget import Pool
from routing.circuit import LONGEST_REST_S
from routing.outcome import Cooldown, Counts, Experience
from routing.policy import REASONS, VERDICTS, Decision, Reason, Verdict, decide
from routing.reasons import Reason as SameReason
from routing.rules import THRESHOLDS
from routing.task import Importance, Task, TaskType

LOCAL, HAIKU, OPUS = local(), remote("haiku", CHEAP), remote("opus", DEAR)
ALL = catalog(LOCAL, HAIKU, OPUS)


def decided(task: Task, models: Any = ALL, experience: Experience = Experience(), **more: Any) -> Decision:  # noqa: B008
    return decide(task, models, experience, **{"now": NOON, "most_input_tokens": 2_000} | more)


def named(decision: Decision) -> str | None:
    return decision.model and decision.model.name


@pytest.mark.parametrize(
    ("type_", "complexity", "importance", "model", "reason"),
    [
        # Below the threshold of its type: local, however little it is taken to succeed.
        (TaskType.PATTERN_EXTRACTION, 0.29, Importance.HIGH, "small", Reason.BELOW_THRESHOLD),
        (TaskType.STRATEGIC_ANALYSIS, 0.79, Importance.NORMAL, "small", Reason.BELOW_THRESHOLD),
        (TaskType.COMPLEX_REASONING, 0.89, Importance.NORMAL, "small", Reason.BELOW_THRESHOLD),
        # At the threshold it is no longer below: .85 ≥ .7, so local is the cheapest that reaches the target.
        (TaskType.PATTERN_EXTRACTION, 0.3, Importance.NORMAL, "small", Reason.LOCAL_GOOD_ENOUGH),
        # .85 ≥ .85
        (TaskType.PATTERN_EXTRACTION, 0.9, Importance.HIGH, "small", Reason.LOCAL_GOOD_ENOUGH),
        # .75 < .85: the cheapest commercial one, .95
        (TaskType.RELATIONSHIP_MAPPING, 0.4, Importance.HIGH, "haiku", Reason.CHEAPEST_GOOD_ENOUGH),
        (TaskType.RELATIONSHIP_MAPPING, 0.4, Importance.NORMAL, "small", Reason.LOCAL_GOOD_ENOUGH),
        # .40 < .7
        (TaskType.STRATEGIC_ANALYSIS, 0.8, Importance.NORMAL, "haiku", Reason.CHEAPEST_GOOD_ENOUGH),
        # .45 < .6
        (TaskType.DECISION_MAKING, 0.7, Importance.LOW, "haiku", Reason.CHEAPEST_GOOD_ENOUGH),
        # An emergency asks the most capable, even below the threshold; of two alike the dearer one.
        (TaskType.CONTENT_ANALYSIS, 0.0, Importance.EMERGENCY, "opus", Reason.EMERGENCY),
    ],
)
def test_the_rules_decide_by_threshold_and_target(
    type_: TaskType, complexity: float, importance: Importance, model: str, reason: Reason
):
    decision = decided(task(type_, complexity, importance=importance))
    assert (named(decision), decision.reason) == (model, reason)
    assert decision.threshold == THRESHOLDS[type_]


def test_when_nobody_reaches_the_target_the_best_one_gets_it():
    weak = catalog(local(capability=0.3), remote("haiku", CHEAP, capability=0.5), remote("opus", DEAR, capability=0.6))
    decision = decided(task(), weak)
    assert (named(decision), decision.reason) == ("opus", Reason.BEST_THERE_IS)
    assert verdicts(decision)["haiku"] is Verdict.BELOW_TARGET


def test_of_two_that_reach_the_target_the_cheaper_one_gets_it_though_the_other_is_better():
    models = catalog(remote("opus", DEAR, capability=0.99), remote("haiku", CHEAP, capability=0.71))
    decision = decided(task(), models)
    assert named(decision) == "haiku"
    assert verdicts(decision) == {"haiku": Verdict.CHOSEN, "opus": Verdict.DEARER}


def test_a_dearer_model_that_was_seen_less_of_is_dearer_and_not_less_capable():
    models = catalog(remote("opus", DEAR, capability=0.95), remote("haiku", CHEAP, capability=0.96))
    assert verdicts(decided(task(), models)) == {"haiku": Verdict.CHOSEN, "opus": Verdict.DEARER}
    emergency = decided(task(importance=Importance.EMERGENCY), models)
    # They lie closer than can be told apart, and a success of the cheap one is not to make it the most capable.
    assert verdicts(emergency) == {"opus": Verdict.CHOSEN, "haiku": Verdict.CHEAPER}


def test_an_emergency_does_not_go_to_a_dear_model_that_is_known_to_be_worse():
    models = catalog(remote("opus", DEAR, capability=0.85), remote("haiku", CHEAP, capability=0.95))
    assert verdicts(decided(task(importance=Importance.EMERGENCY), models))["haiku"] is Verdict.CHOSEN


def test_cheaper_is_by_what_this_very_task_may_cost():
    # 2,000 in and 1,000 out, all written into a cache at 1.25 × the rate at worst:
    # 2,000 × 1.25 + 1,000 × 1 = 3,500 and 2,000 × .125 + 1,000 × 5 = 5,250 millionths of a dollar
    reads_dear, writes_dear = remote("reads", rates(1, 1)), remote("writes", rates(0.1, 5))
    decision = decided(task(), catalog(reads_dear, writes_dear))
    assert named(decision) == "reads"
    assert [one.worst_case_nusd for one in decision.considered] == [3_500_000, 5_250_000]
    # 20,000 in and 1,000 out: 26,000 against 7,500
    assert named(decided(task(), catalog(reads_dear, writes_dear), most_input_tokens=20_000)) == "writes"


def test_a_shorter_answer_may_cost_less():
    decision = decided(task(max_output=100), catalog(HAIKU))
    assert decision.considered[0].worst_case_nusd == 2_000 * 125 + 100 * 500  # nano-dollars a token


@pytest.mark.parametrize(
    ("models", "verdict", "reason"),
    [
        ([], None, Reason.NO_MODELS),
        ([local(task_types=frozenset({TaskType.DECISION_MAKING}))], Verdict.NOT_FOR_TYPE, Reason.NO_MODEL_FOR_TYPE),
        ([remote("short", context=2_999)], Verdict.TOO_LONG, Reason.TOO_LONG),  # 2,000 in and 1,000 out
        ([local(context=1_999)], Verdict.TOO_LONG, Reason.TOO_LONG),  # two bytes a token: 1,000 in and 1,000 out
        ([remote("unknown", None)], Verdict.UNPRICED, Reason.UNPRICED),
    ],
)
def test_a_model_that_cannot_be_asked_is_not_and_it_is_said_why(models: Any, verdict: Verdict | None, reason: Reason):
    decision = decided(task(), catalog(*models))
    assert (decision.model, decision.reason) == (None, reason)
    assert [one.verdict for one in decision.considered] == ([verdict] if verdict else [])


def test_what_just_fits_is_asked():
    assert decided(task(), catalog(remote("short", context=3_000))).model
    assert decided(task(), catalog(local(context=2_000))).model


def test_a_commercial_model_that_nobody_knows_the_price_of_is_never_free():
    decision = decided(task(importance=Importance.EMERGENCY), catalog(remote("unknown", None), local()))
    assert named(decision) == "small"


# What a source allows.


def test_a_source_that_denies_remote_models_keeps_its_work_local_and_what_it_held_back_is_told():
    decision = decided(task(TaskType.STRATEGIC_ANALYSIS, 0.9, vendors=frozenset()))
    assert (named(decision), decision.reason, decision.held_back) == ("small", Reason.HELD_BACK, True)
    assert verdicts(decision) == {"small": Verdict.CHOSEN, "haiku": Verdict.DENIED, "opus": Verdict.DENIED}


def test_nothing_was_held_back_where_a_local_model_would_have_got_it_anyway():
    decision = decided(task(vendors=frozenset()))
    assert (named(decision), decision.reason, decision.held_back) == ("small", Reason.LOCAL_GOOD_ENOUGH, False)


def test_nothing_was_held_back_where_the_budget_would_not_have_granted_it():
    hard = task(TaskType.STRATEGIC_ANALYSIS, 0.9, vendors=frozenset())
    assert not decided(hard, refused={"total"}).held_back


def test_only_the_vendors_that_a_source_allows_see_its_work():
    models = catalog(local(), HAIKU, remote("luna", MIDDLE, vendor="openai"))
    decision = decided(task(TaskType.STRATEGIC_ANALYSIS, 0.9, vendors=frozenset({"openai"})), models)
    assert (named(decision), decision.held_back) == ("luna", False)


def test_an_ollama_that_hands_on_to_a_cloud_is_a_vendor_like_any_other():
    cloud = msgspec.structs.replace(remote("gpt-oss:120b-cloud", CHEAP, vendor="ollama"), cloud=True)
    assert decided(task(vendors=frozenset()), catalog(cloud)).reason is Reason.SOURCE_DENIES
    assert decided(task(vendors=frozenset({"ollama"})), catalog(cloud)).model == cloud


def test_with_no_local_model_a_denying_source_is_left_to_the_built_in_extractor():
    decision = decided(task(vendors=frozenset()), catalog(HAIKU))
    assert (decision.model, decision.reason, decision.held_back) == (None, Reason.SOURCE_DENIES, True)


# Cool-downs.


def resting(model: str, seconds: float, vendor: str = "anthropic") -> Experience:
    return Experience(cooldowns=(Cooldown(vendor, model, NOON + timedelta(seconds=seconds), "vendor-rate-limited"),))


HARD = task(TaskType.STRATEGIC_ANALYSIS, 0.9)


@pytest.mark.parametrize(
    ("experience", "model"),
    [
        (resting("haiku", 1), "opus"),
        (resting("haiku", 0), "haiku"),
        (resting("haiku", -1), "haiku"),
        (resting("", 60), "small"),
        (resting("", 60, "openai"), "haiku"),
        (resting("small", 60, "ollama"), "haiku"),
        (resting("haiku", LONGEST_REST_S), "opus"),
        # Written before the clock went back a day: nothing rests that long.
        (resting("haiku", 86_400), "haiku"),
    ],
)
def test_who_is_left_in_peace_is_not_asked(experience: Experience, model: str):
    assert named(decided(HARD, experience=experience)) == model


def test_when_all_are_left_in_peace_it_is_said():
    decision = decided(HARD, catalog(HAIKU, OPUS), resting("", 60))
    assert (decision.model, decision.reason) == (None, Reason.ALL_COOLING_DOWN)


# Budgets.


@pytest.mark.parametrize(
    ("refused", "model", "reason"),
    [
        ({"total"}, "small", Reason.BUDGET_SPENT),
        ({"project:00000000-0000-4000-8000-00000000000a"}, "small", Reason.BUDGET_SPENT),
        ({"vendor:anthropic"}, "luna", Reason.CHEAPEST_GOOD_ENOUGH),
        ({"vendor:openai"}, "haiku", Reason.CHEAPEST_GOOD_ENOUGH),
        ({"vendor:openai", "vendor:anthropic"}, "small", Reason.BUDGET_SPENT),
        ({"ledger"}, "small", Reason.BUDGET_SPENT),
    ],
)
def test_a_budget_that_says_no_takes_away_what_it_pays_for(refused: set[str], model: str, reason: Reason):
    models = catalog(LOCAL, HAIKU, remote("luna", MIDDLE, vendor="openai"))
    decision = decided(HARD, models, refused=refused)
    assert (named(decision), decision.reason) == (model, reason)


@pytest.mark.parametrize(
    ("left", "model"),
    [
        # With 2,000 tokens in and 1,000 out haiku may cost 750,000 nano-dollars, opus 30,000,000.
        ({"total": 30_000_000}, "opus"),
        ({"total": 29_999_999}, "haiku"),
        ({"total": 750_000}, "haiku"),
        ({"total": 749_999}, "small"),
        ({"total": 10**9, "vendor:anthropic": 0}, "small"),
        ({"total": 10**9, "vendor:openai": 0}, "opus"),
        ({"total": 10**9, "ledger": 0}, "small"),
    ],
)
def test_the_best_that_what_is_left_of_a_budget_holds_is_asked(left: dict[str, int], model: str):
    models = catalog(
        local(capability=0.3), remote("haiku", CHEAP, capability=0.5), remote("opus", DEAR, capability=0.6)
    )
    assert named(decided(HARD, models, refused=left)) == model


def test_an_empty_budget_does_not_block_free_local_models():
    """litellm #10973"""
    everything = {"total", "emergency", "ledger", "vendor:ollama", "vendor:anthropic", "project:x"}
    for importance in Importance:
        for type_ in TaskType:
            decision = decided(task(type_, 1.0, importance=importance), refused=everything)
            assert named(decision) == "small"


def test_without_a_local_model_an_empty_budget_is_left_to_the_built_in_extractor():
    decision = decided(HARD, catalog(HAIKU, OPUS), refused={"total"})
    assert (decision.model, decision.reason) == (None, Reason.NO_BUDGET)


@pytest.mark.parametrize(
    ("refused", "model", "pool"),
    [
        (set(), "opus", Pool.NORMAL),
        ({"total"}, "opus", Pool.EMERGENCY),
        ({"vendor:anthropic"}, "opus", Pool.EMERGENCY),
        ({"vendor:openai"}, "opus", Pool.NORMAL),
        ({"project:x"}, "opus", Pool.EMERGENCY),
        ({"total", "emergency"}, "small", Pool.NORMAL),
        ({"ledger"}, "small", Pool.NORMAL),
    ],
)
def test_an_emergency_goes_on_with_the_emergency_pool(refused: set[str], model: str, pool: Pool):
    decision = decided(task(importance=Importance.EMERGENCY), refused=refused)
    assert (named(decision), decision.pool) == (model, pool)


def test_nobody_else_touches_the_emergency_pool():
    for importance in (Importance.LOW, Importance.NORMAL, Importance.HIGH):
        hard = task(TaskType.STRATEGIC_ANALYSIS, 0.9, importance=importance)
        assert decided(hard, refused={"total"}).pool is Pool.NORMAL


# The next candidate.


@pytest.mark.parametrize(
    ("failed", "model", "reason"),
    [
        ({"ollama/small": "answer-invalid"}, "haiku", Reason.ESCALATED),
        ({"ollama/small": "vendor-unreachable"}, "haiku", Reason.FELL_BACK),
        # Both are taken to succeed alike, so the dearer one counts as the stronger ...
        ({"anthropic/haiku": "answer-ungrounded"}, "opus", Reason.ESCALATED),
        # ... and there is no way back to a weaker one, by price or by success ...
        ({"anthropic/opus": "answer-ungrounded"}, None, Reason.ALL_FAILED),
        ({"ollama/small": "answer-invalid", "anthropic/opus": "answer-refused"}, None, Reason.ALL_FAILED),
        # ... but after an outage any other one is fine.
        ({"anthropic/opus": "vendor-overloaded"}, "haiku", Reason.FELL_BACK),
        ({"anthropic/opus": "vendor-timeout", "anthropic/haiku": "vendor-timeout"}, "small", Reason.FELL_BACK),
        ({"anthropic/haiku": "answer-invalid", "anthropic/opus": "vendor-timeout"}, None, Reason.ALL_FAILED),
    ],
)
def test_after_a_bad_answer_a_stronger_one_is_asked_after_an_outage_any_other(
    failed: dict[str, str], model: str | None, reason: Reason
):
    decision = decided(HARD, failed=failed)
    assert (named(decision), decision.reason) == (model, reason)


def test_a_stronger_one_is_not_missed_because_of_a_hundredth():
    # .96 against .95 says nothing (within .05), the price does; .96 against .90 does.
    failed = {"anthropic/haiku": "answer-invalid"}
    lucky = catalog(remote("haiku", CHEAP, capability=0.96), remote("opus", DEAR, capability=0.95))
    assert named(decided(HARD, lucky, failed=failed)) == "opus"
    better = catalog(remote("haiku", CHEAP, capability=0.96), remote("opus", DEAR, capability=0.90))
    assert named(decided(HARD, better, failed=failed)) is None


def test_a_prompt_that_was_cut_goes_to_a_model_with_more_room():
    models = catalog(local("a", context=8_192), local("b", context=8_192), local("c", context=32_768))
    decision = decided(task(), models, failed={"ollama/a": "prompt-truncated"})
    assert named(decision) == "c"
    assert verdicts(decision)["b"] is Verdict.TOO_LONG


def test_a_free_model_whose_paid_fallback_would_skip_the_budget_has_none():
    """litellm #41344"""
    decision = decided(HARD, failed={"ollama/small": "answer-invalid"}, refused={"total"})
    assert (decision.model, decision.reason) == (None, Reason.NO_BUDGET)


def test_a_source_that_allows_a_vendor_which_failed_is_not_said_to_allow_none():
    models = catalog(remote("haiku", CHEAP), remote("cloud", None, vendor="ollama"))
    decision = decided(task(vendors=frozenset({"anthropic"})), models, failed={"anthropic/haiku": "answer-invalid"})
    assert verdicts(decision) == {"haiku": Verdict.FAILED, "cloud": Verdict.DENIED}
    assert decision.reason is Reason.ALL_FAILED


def test_a_denying_source_has_no_paid_fallback_either():
    decision = decided(task(vendors=frozenset()), failed={"ollama/small": "answer-invalid"})
    assert (decision.model, decision.reason, decision.held_back) == (None, Reason.SOURCE_DENIES, True)


# What was learned.


def seen(model: str, stood: float, fell: float, *, type_: TaskType = TaskType.PATTERN_EXTRACTION) -> Experience:
    return Experience({(model, type_, 2): Counts(stood, fell)})


def test_a_few_bad_answers_do_not_turn_a_decision():
    # (.85 × 20 + 0) / (20 + 3) = .739 ≥ .7; with five .68
    assert named(decided(task(), experience=seen("ollama/small", 0, 3))) == "small"
    assert named(decided(task(), experience=seen("ollama/small", 0, 5))) == "haiku"


def test_a_local_model_that_was_taken_for_weak_and_is_not_gets_the_work():
    # (.75 × 20 + 40) / (20 + 40) = .917 ≥ .85
    type_ = TaskType.RELATIONSHIP_MAPPING
    learned = seen("ollama/small", 40, 0, type_=type_)
    assert named(decided(task(type_, 0.5, importance=Importance.HIGH), experience=learned)) == "small"


def test_easy_tasks_stay_local_until_the_local_model_has_disappointed_for_good():
    # Wanted is .7; let go of below .6: (.85 × 20) / (20 + 8) = .607, / (20 + 9) = .586
    def easy(fell: float) -> str | None:
        learned = Experience({("ollama/small", TaskType.PATTERN_EXTRACTION, 1): Counts(0, fell)})
        return named(decided(task(complexity=0.25), experience=learned))

    assert (easy(8), easy(9)) == ("small", "haiku")


def test_a_model_that_was_judged_too_early_is_tried_now_and_then():
    learned = seen("ollama/small", 0, 6)  # 17 / 26 = .654, and .654 + 2 × .092 ≥ .7
    tasks = [task(input_hash=f"{number:064x}") for number in range(400)]
    decisions = [decided(one, experience=learned) for one in tasks]
    tried = [one for one in decisions if one.reason is Reason.EXPLORED]
    assert {named(one) for one in tried} == {"small"}
    assert 8 <= len(tried) <= 36  # one in twenty of 400, give or take three deviations
    assert all(named(one) == "haiku" for one in decisions if one not in tried)


def test_after_a_failure_nothing_is_tried_out():
    learned = seen("ollama/small", 0, 6)
    tasks = [task(input_hash=f"{number:064x}") for number in range(100)]
    explored = [one for one in tasks if decided(one, experience=learned).reason is Reason.EXPLORED]
    assert explored
    failed = {"anthropic/haiku": "vendor-timeout"}
    assert {named(decided(one, experience=learned, failed=failed)) for one in explored} == {"opus"}


def test_a_local_model_that_is_asked_after_a_failure_is_not_put_down_to_the_budget():
    decision = decided(HARD, failed={"anthropic/haiku": "vendor-timeout"}, refused={"total"})
    assert (named(decision), decision.reason) == ("small", Reason.FELL_BACK)


def test_what_matters_and_what_was_never_seen_is_not_tried_on():
    tasks = [task(importance=Importance.HIGH, input_hash=f"{number:064x}") for number in range(200)]
    assert not [one for one in tasks if decided(one, experience=seen("ollama/small", 0, 6)).reason is Reason.EXPLORED]
    hard = [task(TaskType.DECISION_MAKING, 0.9, input_hash=f"{number:064x}") for number in range(200)]
    assert not [one for one in hard if decided(one).reason is Reason.EXPLORED]


def test_every_reason_and_verdict_is_explained():
    assert SameReason is Reason
    assert set(REASONS) == set(Reason)
    assert set(VERDICTS) == set(Verdict)
    assert all(text.endswith(".") and text[0].isupper() for text in REASONS.values())
