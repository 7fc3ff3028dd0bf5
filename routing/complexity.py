"""How hard a task is, in [0,1], from its text and what is known of it. Pure; the weights come from `weights.py`."""

import math
from collections.abc import Collection, Mapping
from zlib import crc32

from routing.signs import USUAL, read
from routing.task import Complexity
from routing.weights import DEFAULT, Weights, load_weights

__all__ = ["BASE", "DEFAULT", "WORDS", "Weights", "load_weights", "score", "shown_beyond_usual", "slot_of"]

BASE = "base"
"""The part that is there before anything was read: usual English without speakers, references or files."""
WORDS = "words"
"""The part of single words, which only fitted weights have."""

# Beyond it a score is 0 or 1 to any digit that anybody looks at, and the exponential of a sum still a number.
_FARTHEST = 60.0


def score(text: str, *, kind: str = "", files: int = 0, weights: Weights = DEFAULT) -> Complexity:
    """How hard `text` is for a model: 0 is what any can do, 1 what only a strong one can.

    `kind`: of the interaction, as it is stored; `files`: how many it changes. Every part is a signed contribution to
    the log-odds, what the text shows above or below usual English: score = 1 / (1 + exp(-sum of parts)). Any text is
    taken; of a very long one a bounded piece is read, so that it takes some milliseconds at most.
    """
    signs = read(text, files)
    beyond = shown_beyond_usual(signs.shown)
    parts = {BASE: weights.base, **{name: weight * beyond[name] for name, weight in weights.signs.items()}}
    if weights.words and signs.words:
        parts[WORDS] = _of_words(signs.words, weights.words)
    if kind in weights.kinds:
        parts[f"kind:{kind}"] = weights.kinds[kind]
    total = min(max(math.fsum(parts.values()), -_FARTHEST), _FARTHEST)
    return Complexity(1 / (1 + math.exp(-total)), {name: part for name, part in parts.items() if part}, weights.version)


def shown_beyond_usual(shown: Mapping[str, float]) -> dict[str, float]:
    """What a text shows of each sign above (or below) what usual English shows; what weights are multiplied with."""
    return {name: value - USUAL.get(name, 0.0) for name, value in shown.items()}


def slot_of(word: str, slots: int) -> tuple[int, int]:
    """The slot of a word among a power of two, and 1 or -1, so that words of one slot do not all add up.

    Words share slots: from the weights nobody reads which words a text had.
    """
    hashed = crc32(word.encode("utf-8", "surrogatepass"))
    return hashed & (slots - 1), 1 if hashed >> 31 else -1


def _of_words(words: Collection[str], weights: tuple[float, ...]) -> float:
    slots = len(weights)
    total = 0.0
    for word in words:
        slot, sign = slot_of(word, slots)
        total += sign * weights[slot]
    # Else it would grow with the text.
    return total / math.sqrt(len(words))
