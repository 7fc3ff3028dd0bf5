"""From proposed groups to kept ones: members that fit, a score, and a choice without near-copies."""

import math
from collections.abc import Sequence

import msgspec
import numpy

from service.extraction.builtin.reading import Floats, History
from service.extraction.builtin.seeds import IN_PATH, IN_SUBJECT, Seed

SMALLEST = 3
"""Independent sources that a pattern needs."""

# Leave-one-out cosine to the rest of the group, in a centred space where strangers are at 0.
_STAYS_SUBJECT, _STAYS_WEAK, _JOINS = 0.08, 0.38, 0.62
# Two groups that share this much of the smaller one tell the same story.
_SAME = 0.55


class Group(msgspec.Struct, frozen=True):
    """A group worth reporting. `closeness`: member -> cosine to the others; `cohesion`: their mean; best first."""

    seed: Seed
    members: tuple[int, ...]
    closeness: dict[int, float]
    cohesion: float
    sources: int
    score: float


def refine(history: History, seed: Seed) -> Group | None:
    """Keep the members that are near the rest, add what is nearer still; None if too few sources remain."""
    rows = numpy.asarray(sorted(seed.weights), dtype=numpy.int64)
    weights = numpy.asarray([seed.weights[int(at)] for at in rows], dtype=numpy.float32)
    space = history.space
    total = (space[rows] * weights[:, None]).sum(axis=0)
    near = _leave_one_out(space[rows], weights, total)
    wanted = numpy.where(weights >= IN_SUBJECT, _STAYS_SUBJECT, _STAYS_WEAK - 0.2 * (weights - IN_PATH).clip(0))
    members = {int(at) for at, keep in zip(rows, near >= wanted, strict=True) if keep}
    if history.sources.count(members) < SMALLEST:
        return None
    kept = numpy.asarray(sorted(members), dtype=numpy.int64)
    centre = space[kept].sum(axis=0)
    everything = space @ (centre / max(float(numpy.linalg.norm(centre)), 1e-9))
    joining = [int(at) for at in numpy.argsort(-everything, kind="stable")[: len(kept)] if everything[at] >= _JOINS]
    members.update(joining[: len(kept) // 2])
    final = numpy.asarray(sorted(members), dtype=numpy.int64)
    ones = numpy.ones(len(final), dtype=numpy.float32)
    close = _leave_one_out(space[final], ones, space[final].sum(axis=0))
    cohesion = float(close.mean())
    sources = history.sources.count(members)
    return Group(
        seed=seed,
        members=tuple(int(at) for at in final),
        closeness={int(at): round(float(value), 4) for at, value in zip(final, close, strict=True)},
        cohesion=round(cohesion, 4),
        sources=sources,
        score=round(_score(seed, cohesion, sources), 5),
    )


def _leave_one_out(rows: Floats, weights: Floats, total: Floats) -> Floats:
    """Cosine of each row to the weighted sum of the others."""
    rest = total[None, :] - rows * weights[:, None]
    length = numpy.sqrt((rest * rest).sum(axis=1))
    return (rows * rest).sum(axis=1) / numpy.maximum(length, 1e-9)


def _score(seed: Seed, cohesion: float, sources: int) -> float:
    """Cohesion times the logarithm of recurrence; a practice is named well from the start, bare meaning is not."""
    trust = {"practice": 1.25, "words": 1.0, "meaning": 0.8}[seed.view]
    pair = 1.1 if " " in seed.anchor and seed.view == "words" else 1.0
    return max(0.0, cohesion) * math.log2(1 + sources) * trust * pair


def choose(groups: Sequence[Group], *, most: int, largest: int) -> list[Group]:
    """The best groups, near-copies left out, at most `most`; ties are decided by the anchor."""
    chosen: list[Group] = []
    sets: list[frozenset[int]] = []
    for group in sorted(groups, key=lambda g: (-g.score, g.seed.view, g.seed.anchor)):
        if len(chosen) == most:
            break
        if group.sources > largest:
            continue
        members = frozenset(group.members)
        if any(len(members & other) > _SAME * min(len(members), len(other)) for other in sets):
            continue
        chosen.append(group)
        sets.append(members)
    return chosen
