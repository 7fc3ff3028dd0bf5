"""What each sign of a hard task weighs: the built-in weights, and those of a file that `motif router fit` wrote."""

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec

from routing.errors import CatalogInvalid
from routing.signs import NAMES, READING

SCHEMA = 1
"""Of the file. A file of another one is refused, never guessed at."""

LARGEST_FILE_BYTES = 1_000_000
_MOST_SLOTS = 65_536
# No honest weight comes near it; it keeps a sum of them a number.
_LARGEST_WEIGHT = 1_000.0


class Fitted(msgspec.Struct, frozen=True):
    """What weights were fitted on: numbers and a date, no text.

    `groups`: interactions that the tasks are of. `weak_right`, `strong_right`: share of their answers that stood, None
    where no strong model was asked. `penalty`: that of the ridge regression. `recovered`: their APGR on texts that they
    had not seen (.5 is chance), with its interval of 95 %.
    """

    on: date
    tasks: int
    groups: int
    weak_right: float
    strong_right: float | None
    penalty: float
    recovered: float | None = None
    interval: tuple[float, float] | None = None


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Log-odds. `base`: usual English. `signs`: what each adds, fully shown. `kinds`: what a kind adds by itself.

    `words`: what words add, by slot (`complexity.slot_of`), each divided by the root of how many different ones there
    are; their number is a power of two, 0 for none. `reading`: the version of the signs that they were fitted to.
    """

    version: str
    base: float
    signs: Mapping[str, float]
    kinds: Mapping[str, float] = {}
    words: tuple[float, ...] = ()
    fitted: Fitted | None = None
    reading: int = READING
    schema: int = SCHEMA


class _Head(msgspec.Struct, frozen=True):
    schema: int
    reading: int


# Chosen by reason, in steps of a half, not fitted; benchmarks/README.md says how they do on two data sets.
_BUILT_IN: dict[str, tuple[float, str]] = {
    "negation": (3.0, "what is not the case has to be held beside what is; small models drop the word"),
    "conditions": (1.0, "each if or unless doubles the cases to think through; half of them are mere courtesy"),
    "causes": (1.0, "a chain of before, because and so has to be followed in order; much of it is plain telling"),
    "comparison": (2.0, "more, less and least need two things held against each other"),
    "contrast": (1.5, "but and although announce statements that conflict, and one of them has to be weighed down"),
    "relations": (
        2.0,
        "half, each and remaining give a number only through another one, which a written number does not",
    ),
    "demands": (2.0, "prove, calculate, deadlock: work step by step, where one slip spoils all that follows"),
    "routine": (-2.5, "bump, merge, typo: work that is done the same way every time"),
    "clauses": (2.0, "nested and listed clauses: what belongs to what has to be worked out"),
    "entities": (1.5, "several named things have to be kept apart"),
    "formal": (1.0, "notation and code allow no slip; logs and traces have them too, so it weighs little"),
    "statements": (2.5, "numbered statements and steps have to be judged one by one, and all of them"),
    "speakers": (1.5, "each speaker knows and wants something else"),
    "references": (1.0, "what is meant stands elsewhere"),
    "files": (1.0, "a change over many files has several reasons at once"),
}

REASONS: Mapping[str, str] = {name: why for name, (_, why) in _BUILT_IN.items()}
"""Why each sign counts, in one line."""

DEFAULT = Weights(
    version="built-in-1",
    # Usual English has .38, so that a task which shows nothing stays below the thresholds of all but the two types of
    # task whose thresholds lie lower.
    base=-0.5,
    signs={name: weight for name, (weight, _) in _BUILT_IN.items()},
)


def load_weights(path: Path | None) -> Weights:
    """The weights of a file, or the built-in ones for None; CatalogInvalid, with what to do, for one of no use."""
    if path is None:
        return DEFAULT
    again = "Run `motif router fit` again, or unset MOTIF_ROUTER_FILE for the built-in weights."
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise CatalogInvalid(f"the router file {path.name} cannot be read: {error.strerror}. {again}") from None
    if len(data) > LARGEST_FILE_BYTES:
        raise CatalogInvalid(f"the router file {path.name} is too large for one. {again}")
    try:
        head = msgspec.json.decode(data, type=_Head)
        if max(head.schema - SCHEMA, head.reading - READING) > 0:
            raise CatalogInvalid(
                f"the router file {path.name} was written by a newer Motif. Update Motif, or unset MOTIF_ROUTER_FILE."
            )
        if (head.schema, head.reading) != (SCHEMA, READING):
            raise CatalogInvalid(f"the router file {path.name} was fitted by an older Motif. {again}")
        weights = msgspec.json.decode(data, type=Weights)
    except msgspec.ValidationError as error:
        raise CatalogInvalid(f"the router file {path.name} does not hold weights ({error}). {again}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CatalogInvalid(f"the router file {path.name} is damaged: it is not JSON. {again}") from None
    if fault := _fault(weights):
        raise CatalogInvalid(f"the router file {path.name} is damaged: {fault}. {again}")
    return weights


def dump_weights(weights: Weights) -> bytes:
    """A file of weights, as `load_weights` reads it; the same weights always give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(weights, order="deterministic"), indent=1) + b"\n"


def _fault(weights: Weights) -> str | None:
    if unknown := sorted(set(weights.signs) - set(NAMES)):
        return f"there is no sign called {unknown[0]!r}"
    slots = len(weights.words)
    if slots & (slots - 1) or slots > _MOST_SLOTS:
        return f"{slots} slots of words are no power of two"
    numbers = (weights.base, *weights.signs.values(), *weights.kinds.values(), *weights.words)
    if not all(math.isfinite(number) and abs(number) <= _LARGEST_WEIGHT for number in numbers):
        return "a weight is out of all bounds"
    return None
