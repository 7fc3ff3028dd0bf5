"""The numbers that decisions are made by: thresholds, targets, and how much better is better."""

from collections.abc import Mapping

import msgspec

from routing.task import Importance, TaskType

THRESHOLDS: Mapping[TaskType, float] = {
    TaskType.PATTERN_EXTRACTION: 0.3,
    TaskType.RELATIONSHIP_MAPPING: 0.4,
    TaskType.CONTENT_ANALYSIS: 0.2,
    TaskType.STRATEGIC_ANALYSIS: 0.8,
    TaskType.COMPLEX_REASONING: 0.9,
    TaskType.DECISION_MAKING: 0.7,
}
"""Complexity below which a task is local work."""

TARGETS: Mapping[Importance, float] = {
    Importance.LOW: 0.6,
    Importance.NORMAL: 0.7,
    Importance.HIGH: 0.85,
    Importance.EMERGENCY: 0.95,
}
"""How likely an answer has to stand."""


class Rules(msgspec.Struct, frozen=True):
    """The numbers that decide.

    `disappointment`: how far below what was expected of it (the target, or its starting number where that is lower) a
    local model must be known to be before easy tasks are no longer its own. `explore_one_in`: of how many tasks of low
    or normal importance one goes to a cheaper model that may have been judged too early; 0 for none. `near`: expected
    successes closer than this cannot be told apart, so that the dearer of two is taken to be the stronger.
    """

    thresholds: Mapping[TaskType, float] = msgspec.field(default_factory=lambda: dict(THRESHOLDS))
    targets: Mapping[Importance, float] = msgspec.field(default_factory=lambda: dict(TARGETS))
    disappointment: float = 0.1
    explore_one_in: int = 20
    near: float = 0.05


RULES = Rules()

EPSILON = 1e-9
"""Expected successes that differ by less are the same number, calculated in another order."""
