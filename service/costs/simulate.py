"""What another policy would have cost and brought, with how sure that is. Nothing is asked, nothing is spent."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy
from numpy.typing import NDArray

from routing.outcome import Belief
from service.costs.money import Money, money
from service.costs.redeciding import Key, Past, Redecided

REPLICATES = 400
UNKNOWN = (
    "What another model would really have answered: success is the installation's own estimate for that model, type "
    "of task and complexity, or its starting number where nothing was seen. It was learned from these tasks, too.",
    "Whether a task that one model fails is hard for the next one, too: attempts are taken to fail independently, so "
    "that what stands after several of them is flattered.",
    "How many tokens another model would have counted and written: those of the call that was made are taken, without "
    "a cache.",
    "Waiting times, outages and rate limits: every vendor is taken to answer.",
    "Tasks that no model was asked for, and what would have been handed in had answers been better.",
)
"""What no simulation of a ledger can know."""


class Span(msgspec.Struct, frozen=True):
    """A number with the range that holds it 19 times in 20."""

    expected: float
    low: float
    high: float


class MoneySpan(msgspec.Struct, frozen=True):
    """The same of an amount."""

    expected: Money
    low: Money
    high: Money


class Outlook(msgspec.Struct, frozen=True):
    """What a policy costs and how many of the tasks it is expected to bring a good answer for, as a share."""

    cost: MoneySpan
    success: Span
    first_choices: dict[str, int]
    refused_by_budget: int
    without_model: int


class Happened(msgspec.Struct, frozen=True):
    """What the same tasks really cost, and the share whose answer stood."""

    cost: Money
    success: float


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """A policy against the one that is in force, over the same tasks; `cost_difference` is the first less the other."""

    tasks: int
    never_asked: int
    happened: Happened
    now: Outlook
    tried: Outlook
    cost_difference: MoneySpan
    success_difference: Span
    unknown: tuple[str, ...]
    notes: tuple[str, ...]


Matrix = NDArray[numpy.float64]


def simulate(
    tasks: Sequence[Past],
    now: Redecided,
    tried: Redecided,
    *,
    never_asked: int = 0,
    notes: Sequence[str] = (),
    seed: int = 0,
) -> Simulation:
    """Both policies over the same tasks, drawn again and again: other tasks (bootstrap), and other chances of success
    (from what is believed of each model). Both see the same draws, so that their difference is better known than each.

    What the rules in force draw does not depend on the policy tried: their range is the same beside every one.
    """
    of_tasks, of_now, of_tried = numpy.random.default_rng(seed).spawn(3)
    beliefs = list({(step.key, step.belief): None for one in (now, tried) for steps in one.steps for step in steps})
    ours = len({(step.key, step.belief) for steps in now.steps for step in steps})
    places = {of: number for number, of in enumerate(beliefs)}
    means = numpy.array([min(max(belief.mean, _LEAST), 1 - _LEAST) for _, belief in beliefs])
    masses = numpy.array([belief.mass for _, belief in beliefs])
    laid = [_laid(one, places) for one in (now, tried)]
    exact = [_outcome(one, means, numpy.ones(len(tasks))) for one in laid]
    drawn = numpy.zeros((REPLICATES, 2, 2))
    for replicate in range(REPLICATES):
        chances = numpy.concatenate(
            [
                rng.beta(means[part] * masses[part], (1 - means[part]) * masses[part])
                for rng, part in ((of_now, slice(ours)), (of_tried, slice(ours, None)))
            ]
        )
        weights = of_tasks.multinomial(len(tasks), numpy.full(len(tasks), 1 / len(tasks))).astype(numpy.float64)
        drawn[replicate] = [_outcome(one, chances, weights) for one in laid]
    return Simulation(
        tasks=len(tasks),
        never_asked=never_asked,
        happened=Happened(money(sum(task.cost_nusd for task in tasks)), sum(t.stood for t in tasks) / len(tasks)),
        now=_outlook(now, exact[0], drawn[:, 0]),
        tried=_outlook(tried, exact[1], drawn[:, 1]),
        cost_difference=_money(exact[1][0] - exact[0][0], drawn[:, 1, 0] - drawn[:, 0, 0]),
        success_difference=_span(exact[1][1] - exact[0][1], drawn[:, 1, 1] - drawn[:, 0, 1]),
        unknown=UNKNOWN,
        notes=tuple(notes),
    )


_LEAST = 1e-6
"""Nobody is certain to succeed or to fail; a beta distribution of 0 or 1 would be none."""


class _Laid(msgspec.Struct, frozen=True):
    """Tasks by attempts: whose chance each is (one past the last for nobody's, which is 0), and its cost."""

    whose: NDArray[numpy.int64]
    costs: Matrix


def _laid(policy: Redecided, places: Mapping[tuple[Key, Belief], int]) -> _Laid:
    shape = (len(policy.steps), max((len(steps) for steps in policy.steps), default=0) or 1)
    whose = numpy.full(shape, len(places), dtype=numpy.int64)
    costs = numpy.zeros(shape)
    for task, steps in enumerate(policy.steps):
        for attempt, step in enumerate(steps):
            whose[task, attempt] = places[step.key, step.belief]
            costs[task, attempt] = step.cost_nusd
    return _Laid(whose, costs)


def _outcome(laid: _Laid, chances: Matrix, weights: Matrix) -> tuple[float, float]:
    """Cost of the weighted tasks, and the share of them that succeeds: an attempt is made if those before it failed."""
    failing = 1 - numpy.append(chances, 0.0)[laid.whose]
    after = numpy.cumprod(failing, axis=1)
    reached = numpy.hstack([numpy.ones((len(after), 1)), after[:, :-1]])
    cost = weights @ (reached * laid.costs).sum(axis=1)
    success = weights @ (1 - after[:, -1]) / weights.sum()
    return float(cost), float(success)


def _outlook(policy: Redecided, exact: tuple[float, float], drawn: Matrix) -> Outlook:
    return Outlook(
        _money(exact[0], drawn[:, 0]),
        _span(exact[1], drawn[:, 1]),
        policy.first_choices(),
        policy.refused_by_budget,
        policy.without_model,
    )


def _span(expected: float, drawn: Matrix) -> Span:
    low, high = (float(end) for end in numpy.quantile(drawn, (0.025, 0.975)))
    return Span(expected, min(low, expected), max(high, expected))


def _money(expected: float, drawn: Matrix) -> MoneySpan:
    span = _span(expected, drawn)
    return MoneySpan(money(round(span.expected)), money(round(span.low)), money(round(span.high)))
