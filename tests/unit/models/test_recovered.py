import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.models.recovered import apgr, calls_for, interval


def numbers(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def test_the_best_order_recovers_everything_at_once():
    # Of 4 calls one gains: the curve is 0, 1, 1, 1, 1; its mean by trapezoids (.5 + 1 + 1 + 1) / 4.
    assert apgr(numbers(9, 3, 2, 1), numbers(1, 0, 0, 0)) == pytest.approx(0.875)
    assert apgr(numbers(1, 2, 3, 9), numbers(1, 0, 0, 0)) == pytest.approx(0.125)


def test_scores_that_tell_nothing_apart_are_chance():
    assert apgr(numbers(1, 1, 1, 1), numbers(1, 0, 1, 0)) == pytest.approx(0.5)
    assert calls_for(0.5, numbers(1, 1, 1, 1), numbers(1, 0, 1, 0)) == pytest.approx(0.5)
    assert calls_for(0.8, numbers(1, 1, 1, 1, 1), numbers(1, 0, 1, 0, 1)) == pytest.approx(0.8)


def test_a_loss_counts_against():
    # The curve is 0, -1, 0, 1 over a gap of 1.
    assert apgr(numbers(3, 2, 1), numbers(-1, 1, 1)) == pytest.approx((0 - 1 + 0 + 0.5) / 3)


def test_without_a_gap_there_is_nothing_to_recover():
    assert math.isnan(apgr(numbers(1, 2), numbers(0, 0)))
    assert math.isnan(apgr(numbers(1, 2), numbers(-1, 0)))
    assert math.isnan(calls_for(0.5, numbers(), numbers()))


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 1])), min_size=1, max_size=40))
def test_the_other_way_round_it_is_the_other_share(pairs: list[tuple[int, int]]):
    scores, gains = numbers(*(score for score, _ in pairs)), numbers(*(gain for _, gain in pairs))
    if gains.sum() > 0:
        assert apgr(scores, gains) + apgr(-scores, gains) == pytest.approx(1)


def test_an_interval_holds_the_value_and_is_wider_where_groups_are_alike():
    made = np.random.default_rng(4)
    gains = np.repeat(made.integers(0, 2, 40), 10).astype(float)
    each, groups = np.arange(400), np.repeat(np.arange(40), 10)

    def mean(rows: np.ndarray) -> float:
        return float(gains[rows].mean())

    low, high = interval(mean, each)
    widest = interval(mean, groups)
    assert low < gains.mean() < high
    assert widest[1] - widest[0] > 2 * (high - low)
