"""What holds of every decision, whatever is asked, known, spent and broken."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from parts import NOON, rates, task

from routing.budget import Pool
from routing.catalog import Catalog, Model, Place
from routing.outcome import Cooldown, Counts, Experience, belief
from routing.policy import Decision, Verdict, decide
from routing.task import BANDS, Importance, Task, TaskType

NAMES = ["a", "b", "c"]
VENDORS = ["ollama", "anthropic", "openai"]
BUDGETS = ["total", "emergency", "ledger", "project:x", *(f"vendor:{name}" for name in VENDORS)]
ERRORS = ["answer-invalid", "answer-ungrounded", "vendor-timeout", "vendor-unreachable", "prompt-truncated"]

some_rates = st.none() | st.builds(rates, st.integers(0, 30), st.integers(0, 90))
some_models = st.lists(
    st.builds(
        Model,
        vendor=st.sampled_from(VENDORS),
        name=st.sampled_from(NAMES),
        place=st.sampled_from(Place),
        host=st.just("host"),
        context_tokens=st.sampled_from([100, 4_000, 200_000]),
        max_output_tokens=st.sampled_from([500, 8_192]),
        rates=some_rates,
        task_types=st.none() | st.frozensets(st.sampled_from(TaskType)),
        capability=st.dictionaries(st.sampled_from(TaskType), st.floats(0, 1)),
    ),
    max_size=6,
    unique_by=lambda model: model.ref,
)
some_tasks = st.builds(
    task,
    st.sampled_from(TaskType),
    st.floats(0, 1),
    importance=st.sampled_from(Importance),
    vendors=st.none() | st.frozensets(st.sampled_from(VENDORS)),
    input_hash=st.sampled_from(["", *(f"{number:x}" for number in range(40))]),
)
refs = st.builds("{}/{}".format, st.sampled_from(VENDORS), st.sampled_from(NAMES))
counts = st.builds(Counts, st.floats(0, 1e6), st.floats(0, 1e6))
keys = st.tuples(refs, st.sampled_from(TaskType), st.integers(0, BANDS - 1))
some_rests = st.builds(
    Cooldown,
    st.sampled_from(VENDORS),
    st.sampled_from(["", *NAMES]),
    st.integers(-100_000, 100_000).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    st.just("vendor-overloaded"),
)
some_experience = st.builds(Experience, st.dictionaries(keys, counts, max_size=8), st.lists(some_rests).map(tuple))
some_failed = st.dictionaries(refs, st.sampled_from(ERRORS), max_size=3)
some_refused = st.sets(st.sampled_from(BUDGETS))


def decided(
    task: Task,
    models: list[Model],
    experience: Experience,
    failed: dict[str, str],
    refused: set[str],
) -> Decision:
    return decide(
        task,
        Catalog(tuple(models)),
        experience,
        now=NOON,
        most_input_tokens=2_000,
        failed=failed,
        refused=refused,
    )


anything = given(some_tasks, some_models, some_experience, some_failed, some_refused)


@anything
def test_every_model_gets_exactly_one_verdict_and_one_at_most_is_chosen(
    task: Task, models: list[Model], experience: Experience, failed: dict[str, str], refused: set[str]
):
    decision = decided(task, models, experience, failed, refused)
    assert [one.model for one in decision.considered] == sorted(model.ref for model in models)
    chosen = [one.model for one in decision.considered if one.verdict is Verdict.CHOSEN]
    assert chosen == ([] if decision.model is None else [decision.model.ref])
    # What is not chosen for a reason of its own is only there where somebody else was chosen.
    if decision.model is None:
        assert not {one.verdict for one in decision.considered} & {Verdict.DEARER, Verdict.NOT_NEEDED}


@anything
def test_the_same_is_always_decided_the_same_in_whatever_order_the_models_stand(
    task: Task, models: list[Model], experience: Experience, failed: dict[str, str], refused: set[str]
):
    once = decided(task, models, experience, failed, refused)
    assert decided(task, models, experience, failed, refused) == once
    assert decided(task, models[::-1], experience, failed, refused) == once
    assert decided(task, sorted(models, key=lambda model: model.name), experience, failed, refused) == once


@anything
def test_a_source_that_denies_never_gets_a_commercial_model_nor_any_vendor_it_did_not_name(
    task: Task, models: list[Model], experience: Experience, failed: dict[str, str], refused: set[str]
):
    decision = decided(task, models, experience, failed, refused)
    if decision.model is not None and decision.model.place is Place.COMMERCIAL:
        assert task.vendors is None or decision.model.vendor in task.vendors
        assert not decision.held_back
    if task.vendors is None:
        assert not decision.held_back


@anything
def test_local_work_is_never_blocked_by_a_budget(
    task: Task, models: list[Model], experience: Experience, failed: dict[str, str], refused: set[str]
):
    own = [model for model in models if model.place is Place.LOCAL]
    alone = decided(task, own, experience, failed, set())
    assert decided(task, own, experience, failed, refused) == alone
    if alone.model is not None and not failed:
        assert decided(task, models, experience, failed, refused).model is not None


@anything
def test_what_may_not_be_asked_never_is(
    task: Task, models: list[Model], experience: Experience, failed: dict[str, str], refused: set[str]
):
    decision = decided(task, models, experience, failed, refused)
    model = decision.model
    if model is None:
        return
    assert model.ref not in failed
    assert model.task_types is None or task.type in model.task_types
    assert model.place is Place.LOCAL or model.rates is not None
    running = [rest for rest in experience.cooldowns if 0 < (rest.until - NOON).total_seconds() <= 3_600]
    assert not [rest for rest in running if rest.vendor == model.vendor and rest.model in ("", model.name)]
    if model.place is Place.COMMERCIAL:
        assert "ledger" not in refused
        blocked = refused & {"total", "project:x", f"vendor:{model.vendor}"}
        if decision.pool is Pool.EMERGENCY:
            assert task.importance is Importance.EMERGENCY
            assert "emergency" not in refused
        else:
            assert not blocked


@anything
def test_after_a_bad_answer_nobody_weaker_is_asked(
    task: Task, models: list[Model], experience: Experience, failed: dict[str, str], refused: set[str]
):
    decision = decided(task, models, experience, failed, refused)
    if decision.model is None:
        return
    by_ref = {one.model: one for one in decision.considered}
    chosen = by_ref[decision.model.ref]
    for ref in (ref for ref, code in failed.items() if code.startswith("answer-") and ref in by_ref):
        more = chosen.expected_success - by_ref[ref].expected_success
        dearer = (chosen.worst_case_nusd or 0) > (by_ref[ref].worst_case_nusd or 0)
        assert more > 0 or (dearer and more > -0.05)


@anything
def test_money_is_never_negative_and_local_work_costs_none(
    task: Task, models: list[Model], experience: Experience, failed: dict[str, str], refused: set[str]
):
    for one in decided(task, models, experience, failed, refused).considered:
        assert one.worst_case_nusd is None or one.worst_case_nusd >= 0
        assert one.place is Place.COMMERCIAL or one.worst_case_nusd == 0
        assert 0 <= one.expected_success <= 1


@given(st.sampled_from(TaskType), st.integers(0, BANDS - 1), some_experience, some_models)
def test_what_is_believed_is_a_probability(type_: TaskType, band: int, experience: Experience, models: list[Model]):
    for model in models:
        believed = belief(model, type_, band, experience, now=NOON)
        assert 0 <= believed.mean <= believed.hopeful <= 1
