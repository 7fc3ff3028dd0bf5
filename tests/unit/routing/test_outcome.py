from datetime import timedelta

import pytest
from parts import CHEAP, NOON, catalog, local, remote, task

from routing.outcome import HALF_LIFE_S, PRIOR_MASS, Counts, Experience, belief, fading
from routing.policy import Reason, decide
from routing.task import TaskType

EXTRACTION = TaskType.PATTERN_EXTRACTION
LOCAL = local()


def learned(band: int = 2, *, ref: str = "ollama/small", **bands: tuple[float, float]) -> float:
    """Expected success in a band, from (stood, fell) by band: b2=(1, 0)."""
    outcomes = {(ref, EXTRACTION, int(name[1:])): Counts(*seen) for name, seen in bands.items()}
    return belief(LOCAL, EXTRACTION, band, Experience(outcomes), now=NOON).mean


@pytest.mark.parametrize(
    ("type_", "mine", "theirs"),
    [
        (TaskType.PATTERN_EXTRACTION, 0.85, 0.95),
        (TaskType.RELATIONSHIP_MAPPING, 0.75, 0.95),
        (TaskType.CONTENT_ANALYSIS, 0.90, 0.95),
        (TaskType.STRATEGIC_ANALYSIS, 0.40, 0.95),
        (TaskType.COMPLEX_REASONING, 0.30, 0.95),
        (TaskType.DECISION_MAKING, 0.45, 0.95),
    ],
)
def test_before_anything_was_learned_the_starting_numbers_stand(type_: TaskType, mine: float, theirs: float):
    known = Experience({("x/other", type_, 1): Counts(9, 9)})
    for experience in (Experience(), known):
        assert belief(LOCAL, type_, 1, experience, now=NOON).mean == mine
        assert belief(remote("opus"), type_, 1, experience, now=NOON).mean == theirs


def test_what_the_catalog_says_of_a_model_goes_before_the_starting_number():
    assert belief(local(capability=0.6), EXTRACTION, 1, Experience(), now=NOON).mean == 0.6
    assert belief(local(capability=1.7), EXTRACTION, 1, Experience(), now=NOON).mean == 1


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((1, 0), 18 / 21),  # (17 + 1) / (20 + 1)
        ((0, 1), 17 / 21),
        ((0, 3), 17 / 23),
        ((40, 0), 57 / 60),
        ((0, 100), 17 / 120),  # the starting number is a sixth of it now
    ],
)
def test_few_outcomes_move_it_little_many_move_it_to_themselves(seen: tuple[float, float], expected: float):
    assert learned(b2=seen) == pytest.approx(expected)


def test_a_neighbouring_band_lends_a_quarter_of_its_strength():
    # 40 of 40 fell next door, worth 10: start (.85 × 20 + 0 × 10) / 30 = .567
    assert learned(b1=(0, 40)) == pytest.approx(17 / 30)
    assert learned(b3=(0, 40)) == learned(b1=(0, 40))
    assert learned(b0=(0, 40)) == learned(b4=(0, 40)) == 0.85


def test_however_much_was_seen_next_door_it_weighs_no_more_than_a_starting_number():
    assert learned(b1=(0, 1e9)) == pytest.approx(0.425)  # (.85 × 20 + 0 × 20) / 40
    # ... and twenty outcomes of its own weigh as much as all of that: (.425 × 20 + 20) / 40
    assert learned(b1=(0, 1e9), b2=(PRIOR_MASS, 0)) == pytest.approx(0.7125)


def test_what_was_seen_of_another_model_or_type_says_nothing():
    assert learned(ref="ollama/other", b2=(0, 100)) == 0.85


@pytest.mark.parametrize(("age_s", "left"), [(0, 1), (HALF_LIFE_S, 0.5), (2 * HALF_LIFE_S, 0.25), (-86_400, 1)])
def test_outcomes_fade_by_half_in_two_weeks_and_not_at_all_when_a_clock_goes_back(age_s: float, left: float):
    assert fading(age_s) == left
    counts = Counts(0, 20, NOON - timedelta(seconds=age_s))
    mean = belief(LOCAL, EXTRACTION, 2, Experience({(LOCAL.ref, EXTRACTION, 2): counts}), now=NOON).mean
    assert mean == pytest.approx(17 / (20 + 20 * left))


# A model that failed a few times early must not be starved for ever.

BOTH = catalog(LOCAL, remote("haiku", CHEAP))


def test_a_model_that_failed_early_is_asked_again_when_that_was_long_ago():
    def chosen(days: float) -> str | None:
        counts = Counts(0, 6, NOON - timedelta(days=days))
        experience = Experience({(LOCAL.ref, EXTRACTION, 2): counts})
        return decide(task(), BOTH, experience, now=NOON, most_input_tokens=2_000).model.name  # type: ignore[union-attr]

    # .85 × 20 / (20 + 6 × left) ≥ .7 once left ≤ .714: after seven days
    assert (chosen(0), chosen(6), chosen(7)) == ("haiku", "haiku", "small")


def test_a_model_that_failed_early_and_is_good_recovers_by_the_few_tasks_it_is_tried_on():
    stood, fell = 0.0, 6.0
    asked: list[str] = []
    for number in range(600):
        experience = Experience({(LOCAL.ref, EXTRACTION, 2): Counts(stood, fell, NOON)})
        decision = decide(task(input_hash=f"{number:064x}"), BOTH, experience, now=NOON, most_input_tokens=2_000)
        assert decision.model is not None
        asked.append(decision.model.name)
        if decision.model is LOCAL:
            stood += 1  # it was bad luck: it always stands now
    assert "haiku" in asked[:20]
    # .85 × 20 + s ≥ .7 × (26 + s) from s = 4 on: after some eighty tasks, and then for good
    recovered = asked.index("small", asked.index("haiku")), len(asked) - asked[::-1].index("haiku")
    assert recovered[1] < 200
    assert set(asked[recovered[1] :]) == {"small"}


def test_a_model_that_is_bad_is_tried_less_and_less():
    stood, fell, tried = 0.0, 6.0, 0
    for number in range(2_000):
        experience = Experience({(LOCAL.ref, EXTRACTION, 2): Counts(stood, fell, NOON)})
        decision = decide(task(input_hash=f"{number:064x}"), BOTH, experience, now=NOON, most_input_tokens=2_000)
        tried += decision.reason is Reason.EXPLORED
        fell += decision.model is LOCAL
    # Two deviations above 17 / (20 + f): .705 for f = 12, .686 for f = 13
    assert tried == 7
