"""Weights of the complexity score from recorded outcomes: a ridge regression, leaning on the weights there are.

Nothing that serves imports this: it is run by `motif router fit` and by a benchmark, and writes a file.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from routing.complexity import score, shown_beyond_usual, slot_of
from routing.signs import NAMES, read
from routing.weights import DEFAULT, Fitted, Weights
from service.models.recovered import Numbers, Rows, apgr, interval

SLOTS = 4096
"""Of words. Fewer cost accuracy on both data sets of benchmarks/routing_quality.py, more gave none."""
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0)
FOLDS = 5
_FOLDS_INSIDE = 3
# Without types of its own.
_SPARSE: Any = scipy.sparse


class Sample(msgspec.Struct, frozen=True):
    """What came of one task. `weak`, `strong`: share of right answers, None where such a model was never asked.

    Samples of one `group` (an interaction, a subject) are never on both sides of a split.
    """

    text: str
    group: str
    task_type: str = ""
    kind: str = ""
    files: int = 0
    weak: float | None = None
    strong: float | None = None


class Trial(msgspec.Struct, frozen=True):
    """Weights fitted to all samples, and what they and the ones there are recover of samples they had not seen.

    `gain_interval` is of the difference of the two, over the same draws. `gap`: what the strong model gets right more
    often than the weak one.
    """

    weights: Weights
    fitted: float
    fitted_interval: tuple[float, float]
    current: float
    current_interval: tuple[float, float]
    gain_interval: tuple[float, float]
    gap: float

    @property
    def better(self) -> bool:
        """Whether the fitted weights are better than what chance could make of it."""
        return self.gain_interval[0] > 0


def known(samples: Sequence[Sample]) -> list[Sample]:
    """Samples that can be learned from: those where the weak model was asked."""
    return [sample for sample in samples if sample.weak is not None]


def gains_of(samples: Sequence[Sample]) -> Numbers:
    """What the strong model would add to each; where it was never asked, what it gets right on average."""
    asked = [sample.strong for sample in samples if sample.strong is not None]
    usual = sum(asked) / len(asked) if asked else 1.0
    return np.array([(usual if s.strong is None else s.strong) - (s.weak or 0.0) for s in samples])


def fit(samples: Sequence[Sample], *, on: date, current: Weights = DEFAULT) -> Weights:
    """Weights whose order of tasks follows their gains; level and spread stay those of `current`.

    So a threshold means as much as before: it is the order that is learned. The penalty is chosen inside, by folds over
    groups. Raises ValueError where there is nothing to learn from: no weak model was asked, or of one group alone.
    """
    table = _Table(known(samples), current)
    return _fit(table, np.arange(len(table.samples)), on)


def unseen_scores(samples: Sequence[Sample], *, on: date, current: Weights = DEFAULT, folds: int = FOLDS) -> Numbers:
    """What weights that never saw a sample's group score it, by the product's own `score`."""
    return _unseen(_Table(known(samples), current), on, folds)


def try_out(samples: Sequence[Sample], *, on: date, current: Weights = DEFAULT, folds: int = FOLDS) -> Trial:
    """Fit, and hold the fitted weights against the current ones on samples that neither saw; ValueError as `fit`."""
    table = _Table(known(samples), current)
    gains, types = gains_of(table.samples), np.array([sample.task_type for sample in table.samples])
    ours = _unseen(table, on, folds)
    theirs = np.array([_score(sample, current) for sample in table.samples])

    def of(scores: Numbers, rows: Rows) -> float:
        return recovered_by_type(scores[rows], gains[rows], types[rows])

    everything = np.arange(len(table.samples))
    weights = _fit(table, everything, on)
    fitted, fitted_interval = of(ours, everything), interval(lambda rows: of(ours, rows), table.groups)
    return Trial(
        weights=_told(weights, fitted, fitted_interval),
        fitted=fitted,
        fitted_interval=fitted_interval,
        current=of(theirs, everything),
        current_interval=interval(lambda rows: of(theirs, rows), table.groups),
        gain_interval=interval(lambda rows: of(ours, rows) - of(theirs, rows), table.groups),
        gap=float(gains.mean()),
    )


def recovered_by_type(scores: Numbers, gains: Numbers, types: NDArray[np.str_]) -> float:
    """APGR within each type of task, weighed by its gap: tasks of two types are never held against each other."""
    total = weight = 0.0
    for one in np.unique(types):
        rows = types == one
        gap = float(gains[rows].sum())
        if gap > 0:
            total += apgr(scores[rows], gains[rows]) * gap
            weight += gap
    return total / weight if weight else math.nan


class _Table:
    """Samples as columns: words by slot, signs, kinds, and the log-odds of the current weights, which it leans on."""

    def __init__(self, samples: Sequence[Sample], current: Weights) -> None:
        self.samples = samples
        self.current = current
        self.groups: Rows = np.unique(np.array([sample.group for sample in samples]), return_inverse=True)[1]
        if len(np.unique(self.groups)) < 2:
            raise ValueError("outcomes of one group alone cannot be learned from")
        texts = [read(sample.text, sample.files) for sample in samples]
        beyond = [shown_beyond_usual(signs.shown) for signs in texts]
        self.kinds = sorted({sample.kind for sample in samples} - {""})
        self.words_before = np.array(current.words or (0.0,) * SLOTS)
        signs = np.array([[row[name] for name in NAMES] for row in beyond])
        kinds = np.array([[float(sample.kind == kind) for kind in self.kinds] for sample in samples])
        own: list[Any] = [
            _slots([one.words for one in texts], len(self.words_before)),
            signs,
            kinds[:, : len(self.kinds)],
        ]
        self.own: Any = _beside(own)
        self.borders = np.cumsum([len(self.words_before), len(NAMES)])
        self.before: Numbers = self.own @ self.coefficients(current)

    def coefficients(self, weights: Weights) -> Numbers:
        """Weights as a column of numbers, in the order of `own`."""
        signs = [weights.signs.get(name, 0.0) for name in NAMES]
        kinds = [weights.kinds.get(kind, 0.0) for kind in self.kinds]
        return np.concatenate([weights.words or self.words_before, signs, kinds])


def _fit(table: _Table, rows: Rows, on: date) -> Weights:
    """Fit to some rows of a table; nothing is read of the others."""
    samples = [table.samples[row] for row in _listed(rows)]
    before: Numbers = table.before[rows]
    groups: Rows = table.groups[rows]
    # So scaled, leaning wholly on the current weights costs the penalty as little as a few words do.
    scale = max(float(np.std(before)), 1e-9) * 2
    columns = _beside([table.own[rows], (before / scale)[:, None]])
    targets = _centred(gains_of(samples), [sample.task_type for sample in samples])
    penalty, unseen = _choose(columns, targets, groups)
    learned = _ridge(penalty, columns, targets)
    # By what is predicted of samples not seen: of seen ones the spread is greater than it will ever be again.
    spread = float(np.std(before) / max(np.std(unseen), 1e-9))
    found: Numbers = np.asarray(learned.coef_) * spread
    leaning = float(found[-1]) / scale
    coefficients: Numbers = np.round(found[:-1] + leaning * table.coefficients(table.current), 4)
    beyond: Numbers = before - table.own[rows] @ coefficients
    words, signs, kinds = (part.tolist() for part in np.split(coefficients, table.borders))
    strong = [sample.strong for sample in samples if sample.strong is not None]
    return Weights(
        version=f"fitted-{on.isoformat()}-{len(samples)}",
        base=_short(table.current.base + float(beyond.mean())),
        signs=dict(zip(NAMES, signs, strict=True)),
        kinds=dict(zip(table.kinds, kinds, strict=True)),
        words=tuple(words),
        fitted=Fitted(
            on=on,
            tasks=len(samples),
            groups=len(set(_listed(groups))),
            weak_right=_short(sum(sample.weak or 0.0 for sample in samples) / len(samples)),
            strong_right=_short(sum(strong) / len(strong)) if strong else None,
            penalty=penalty,
        ),
    )


def _told(weights: Weights, recovered: float, interval_: tuple[float, float]) -> Weights:
    """The same weights, with how good they are."""
    if weights.fitted is None or not all(map(math.isfinite, (recovered, *interval_))):
        return weights
    low, high = map(_short, interval_)
    fitted = msgspec.structs.replace(weights.fitted, recovered=_short(recovered), interval=(low, high))
    return msgspec.structs.replace(weights, fitted=fitted)


def _unseen(table: _Table, on: date, folds: int) -> Numbers:
    scores = np.zeros(len(table.samples))
    for seen, rest in _folds(table.groups, folds):
        weights = _fit(table, seen, on)
        for row in _listed(rest):
            scores[row] = _score(table.samples[row], weights)
    return scores


def _choose(columns: Any, targets: Numbers, groups: Rows) -> tuple[float, Numbers]:
    """The penalty that predicts unseen groups best, and what it predicts of them."""
    splits = list(_folds(groups, _FOLDS_INSIDE))
    errors: list[tuple[float, float, Numbers]] = []
    for penalty in PENALTIES:
        unseen = np.zeros(len(groups))
        for seen, rest in splits:
            unseen[rest] = _ridge(penalty, columns[seen], targets[seen]).predict(columns[rest])
        errors.append((float(np.mean((unseen - targets) ** 2)), penalty, unseen))
    _, penalty, unseen = min(errors, key=lambda error: error[:2])
    return penalty, unseen


def _ridge(penalty: float, columns: Any, targets: Numbers) -> Any:
    # So exact that no score changes in its third digit.
    learner: Any = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-3)
    return learner.fit(columns, targets)


def _folds(groups: Rows, folds: int) -> Iterator[tuple[Rows, Rows]]:
    splitter: Any = GroupKFold(min(folds, len(np.unique(groups))), shuffle=True, random_state=4)
    yield from splitter.split(groups, groups=groups)


def _beside(blocks: Sequence[Any]) -> Any:
    return _SPARSE.csr_array(_SPARSE.hstack(blocks))


def _listed(rows: Rows) -> list[int]:
    return rows.tolist()


def _slots(texts: Sequence[dict[str, int]], slots: int) -> Any:
    rows, columns, values = list[int](), list[int](), list[float]()
    for row, words in enumerate(texts):
        share = 1 / math.sqrt(len(words)) if words else 0.0
        for word in words:
            slot, sign = slot_of(word, slots)
            rows.append(row)
            columns.append(slot)
            values.append(sign * share)
    return _SPARSE.csr_array((values, (rows, columns)), shape=(len(texts), slots))


def _centred(gains: Numbers, types: Sequence[str]) -> Numbers:
    """Gains without what is due to the type of task, which the policy knows anyway."""
    _, numbers, counts = np.unique(np.array(types), return_inverse=True, return_counts=True)
    return gains - (np.bincount(numbers, gains) / counts)[numbers]


def _score(sample: Sample, weights: Weights) -> float:
    return score(sample.text, kind=sample.kind, files=sample.files, weights=weights).score


def _short(value: float) -> float:
    return round(float(value), 4)
