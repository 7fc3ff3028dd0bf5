"""How good a score is at saying which tasks are worth a strong model: RouteLLM's measures, over outcomes.

A task's gain is what the strong model gets right of it minus what the weak one does. Tasks go to the strong model in
the order of their scores, the hardest first; tasks of one score in any order, which counts as their mean.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]

RESAMPLES = 1_000


def apgr(scores: Numbers, gains: Numbers) -> float:
    """Share of the gap between the two models that is recovered, averaged over how many calls may go to the strong one.

    Random scores have .5. NaN where the strong model is not the better one, so that there is no gap.
    """
    recovered = _recovered(scores, gains)
    return math.nan if recovered is None else float(np.trapezoid(recovered) / len(gains))


def calls_for(share: float, scores: Numbers, gains: Numbers) -> float:
    """CPT: the least part of the calls, in [0,1], that must go to the strong model to recover `share` of the gap."""
    recovered = _recovered(scores, gains)
    return math.nan if recovered is None else float(np.argmax(recovered >= share - 1e-12) / len(gains))


def interval(
    measure: Callable[[Rows], float], groups: NDArray[np.intp], *, resamples: int = RESAMPLES, seed: int = 4
) -> tuple[float, float]:
    """Bootstrap interval of 95 % of a measure over rows; whole groups are drawn, since what is in one is alike."""
    order = np.argsort(groups, kind="stable")
    _, starts = np.unique(groups[order], return_index=True)
    members: list[Rows] = np.split(order, starts[1:])
    made = np.random.default_rng(seed)
    draws = made.integers(0, len(members), (resamples, len(members)))
    drawn = [measure(np.concatenate([members[int(one)] for one in draw])) for draw in draws]
    known = [value for value in drawn if not math.isnan(value)]
    if not known:
        return math.nan, math.nan
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def _recovered(scores: Numbers, gains: Numbers) -> Numbers | None:
    """Share of the gap recovered after 0, 1, 2, ... calls went to the strong model."""
    gap = gains.sum()
    if len(gains) == 0 or gap <= 0:
        return None
    _, ranks, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    means = np.bincount(ranks, gains) / counts
    return np.concatenate([[0.0], np.cumsum(means[np.sort(ranks)])]) / gap
