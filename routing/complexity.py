"""How hard a task is, in [0,1], from its text and what is known of it. Pure; the weights come from `weights.py`."""

import math

from routing.signs import USUAL, read
from routing.task import Complexity
from routing.weights import DEFAULT, Weights, load_weights

__all__ = ["DEFAULT", "Weights", "load_weights", "score"]

BASE = "base"
"""The part that is there before anything was read: usual English without speakers, references or files."""


def score(text: str, *, kind: str = "", files: int = 0, weights: Weights = DEFAULT) -> Complexity:
    """How hard `text` is for a model: 0 is what any can do, 1 what only a strong one can.

    `kind`: of the interaction, as it is stored; `files`: how many it changes. Every part is a signed contribution to
    the log-odds, what the text shows above or below usual English: score = 1 / (1 + exp(-sum of parts)). Any text is
    taken; of a very long one a bounded piece is read.
    """
    signs = read(text, files)
    parts = {BASE: weights.base}
    for name, weight in weights.signs.items():
        parts[name] = weight * (signs.shown.get(name, 0.0) - USUAL.get(name, 0.0))
    if kind in weights.kinds:
        parts[f"kind:{kind}"] = weights.kinds[kind]
    total = math.fsum(parts.values())
    return Complexity(1 / (1 + math.exp(-total)), {name: part for name, part in parts.items() if part}, weights.version)
