"""The words of a decision: why a model got a task, and what became of each of the others; printed as they stand."""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why a decision is what it is."""

    BELOW_THRESHOLD = "below-threshold"
    LOCAL_GOOD_ENOUGH = "local-good-enough"
    CHEAPEST_GOOD_ENOUGH = "cheapest-good-enough"
    BEST_THERE_IS = "best-there-is"
    EMERGENCY = "emergency"
    EXPLORED = "explored"
    BUDGET_SPENT = "budget-spent"
    HELD_BACK = "held-back"
    ESCALATED = "escalated"
    FELL_BACK = "fell-back"
    CONFIGURED = "configured"
    PROBED = "probed"
    NO_MODELS = "no-models"
    NO_MODEL_FOR_TYPE = "no-model-for-type"
    TOO_LONG = "too-long"
    UNPRICED = "unpriced"
    SOURCE_DENIES = "source-denies"
    ALL_COOLING_DOWN = "all-cooling-down"
    NO_BUDGET = "no-budget"
    ALL_FAILED = "all-failed"


_TAKES_OVER = " The built-in extractor takes over."

REASONS: Mapping[Reason, str] = {
    Reason.BELOW_THRESHOLD: "The task is easier than the threshold of its type, so a local model gets it.",
    Reason.LOCAL_GOOD_ENOUGH: "The task is not easy, but a local model is expected to reach the target at no cost.",
    Reason.CHEAPEST_GOOD_ENOUGH: "This is the cheapest model that is expected to reach the target.",
    Reason.BEST_THERE_IS: "No model that may be asked is expected to reach the target; this one comes nearest.",
    Reason.EMERGENCY: "It is an emergency, so the most capable model gets it.",
    Reason.EXPLORED: "One task in a few goes to a cheaper model that may be better than its first answers were.",
    Reason.BUDGET_SPENT: "A commercial model would have got it, but its budget grants no more; local work goes on.",
    Reason.HELD_BACK: "A commercial model would have got it, but the source does not allow that; it stays local.",
    Reason.ESCALATED: "An answer could not be used, so a stronger model gets the task.",
    Reason.FELL_BACK: "The model chosen first could not be reached or did not answer, so another one gets the task.",
    Reason.CONFIGURED: "Texts are embedded with the model that the settings name, and no other.",
    Reason.PROBED: "Somebody wanted to know whether the model answers; it was no task.",
    Reason.NO_MODELS: "No model is configured." + _TAKES_OVER,
    Reason.NO_MODEL_FOR_TYPE: "No configured model takes this type of task." + _TAKES_OVER,
    Reason.TOO_LONG: "No model that may be asked has room for the prompt." + _TAKES_OVER,
    Reason.UNPRICED: "Nobody knows what the only models left cost, so they are not asked." + _TAKES_OVER,
    Reason.SOURCE_DENIES: "The source allows no commercial model and no local one can take it." + _TAKES_OVER,
    Reason.ALL_COOLING_DOWN: "Every model that could take it is left in peace after failures." + _TAKES_OVER,
    Reason.NO_BUDGET: "The budget grants no commercial model and no local one can take it." + _TAKES_OVER,
    Reason.ALL_FAILED: "Every model that may be asked has failed on this task, or is no stronger than one that has."
    + _TAKES_OVER,
}
"""What a reason means, in a sentence."""


class Verdict(StrEnum):
    """What became of one model in a decision."""

    CHOSEN = "chosen"
    NOT_FOR_TYPE = "not-for-type"
    TOO_LONG = "too-long"
    DENIED = "denied"
    UNPRICED = "unpriced"
    COOLING_DOWN = "cooling-down"
    FAILED = "failed"
    WEAKER = "weaker"
    OVER_BUDGET = "over-budget"
    NOT_NEEDED = "not-needed"
    BELOW_TARGET = "below-target"
    DEARER = "dearer"
    CHEAPER = "cheaper"
    LESS_CAPABLE = "less-capable"


VERDICTS: Mapping[Verdict, str] = {
    Verdict.CHOSEN: "gets the task",
    Verdict.NOT_FOR_TYPE: "takes no tasks of this type: another local model does, or it only makes vectors",
    Verdict.TOO_LONG: "has no room for the prompt and the answer",
    Verdict.DENIED: "the source does not allow its vendor",
    Verdict.UNPRICED: "nobody knows what it costs",
    Verdict.COOLING_DOWN: "is left in peace for a while after failures",
    Verdict.FAILED: "has failed on this task",
    Verdict.WEAKER: "is no stronger than a model whose answer could not be used",
    Verdict.OVER_BUDGET: "the budget does not hold what it may cost",
    Verdict.NOT_NEEDED: "is not needed: a local model may have it",
    Verdict.BELOW_TARGET: "is not expected to reach the target",
    Verdict.DEARER: "may cost more than the chosen one, which is good enough",
    Verdict.CHEAPER: "is about as likely to do it, and as the cheaper one taken to be less capable",
    Verdict.LESS_CAPABLE: "is expected to do it less well than the chosen one",
}
"""What a verdict means, after the model's name."""
