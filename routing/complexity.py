"""How hard a task is, in [0,1], from its text and what is known of it. Pure; the weights come from `weights.py`."""

import math

from routing.signs import read
from routing.task import Complexity
from routing.weights import DEFAULT, Weights, load_weights

__all__ = ["DEFAULT", "Weights", "load_weights", "score"]

BASE = "base"
"""The part that is there before anything was read."""


def score(text: str, *, kind: str = "", files: int = 0, weights: Weights = DEFAULT) -> Complexity:
    """How hard `text` is for a model: 0 is what any can do, 1 what only a strong one can.

    `kind`: of the interaction, as it is stored; `files`: how many it changes. Every part is a signed contribution to
    the log-odds, in the order in which signs are shown: score = 1 / (1 + exp(-sum of parts)). Any text is taken; of a
    very long one a bounded piece is read.
    """
    shown = read(text, files).shown
    parts = {
        BASE: weights.base,
        **{name: round(weights.signs.get(name, 0.0) * value, 4) for name, value in shown.items()},
    }
    if kind in weights.kinds:
        parts[f"kind:{kind}"] = weights.kinds[kind]
    total = sum(parts.values())
    return Complexity(1 / (1 + math.exp(-total)), {name: part for name, part in parts.items() if part}, weights.version)
