"""From proposed groups to kept ones: members that fit, a score, and a choice without near-copies."""

import math
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec
import numpy

from service.extraction.builtin.reading import Floats, History
from service.extraction.builtin.seeds import IN_PATH, IN_SUBJECT, Seed

_Draft = TypeVar("_Draft")

SMALLEST = 3
"""Independent sources that a pattern needs."""

# Leave-one-out cosine to the rest of the group, in a centred space where strangers are at 0.
_STAYS_SUBJECT, _STAYS_WEAK, _JOINS = 0.08, 0.38, 0.62
_JOINS_WORDS = 0.8  # without meaning, two headlines of one component are near each other whatever they say
_STAYS_PRACTICE = -0.1  # here the words decide; only what speaks of something else altogether goes
# Two groups that share this much of the smaller one tell the same story.
_SAME = 0.6
_PART, _CLOSER = 0.4, 0.2
# Below this mean cosine a group is held together by a word and nothing else.
_LOOSE = 0.3
# A practice is told by many words in many places; its members are looser for a good reason.
_LOOSE_PRACTICE = 0.1
# More than this many members make no group better; fewer than this many new ones do not make a pattern.
_ENOUGH, _LEAST_NEW = 16.0, 2.5
_MOST_WIDENED = 1_000


class Group(msgspec.Struct, frozen=True):
    """A group worth reporting. `closeness`: member -> cosine to the others; `cohesion`: their mean; best first."""

    seed: Seed
    members: tuple[int, ...]
    closeness: dict[int, float]
    cohesion: float
    sources: int
    score: float


def refine(history: History, seeds: Sequence[Seed]) -> list[Group]:
    """The groups that the seeds make: members near the rest stay, and the best groups take in what is nearer still.

    A seed of which fewer than three independent sources remain makes none.
    """
    found = [group for seed in seeds if (group := _tighten(history, seed)) is not None]
    found.sort(key=lambda g: (-g.score * math.log2(1 + min(len(g.members), _ENOUGH)), g.seed.view, g.seed.anchor))
    # Looking for more members reads the whole space; groups this far down are never chosen.
    return [_widen(history, group) for group in found[:_MOST_WIDENED]]


def _tighten(history: History, seed: Seed) -> Group | None:
    """The seed's members that are near the rest."""
    rows = numpy.asarray(sorted(seed.weights), dtype=numpy.int64)
    weights = numpy.asarray([seed.weights[int(at)] for at in rows], dtype=numpy.float32)
    near = _leave_one_out(history.space[rows], weights)
    stays = _STAYS_PRACTICE if seed.view == "practice" else _STAYS_SUBJECT
    wanted = numpy.where(weights >= IN_SUBJECT, stays, _STAYS_WEAK - 0.2 * (weights - IN_PATH).clip(0))
    members = [int(at) for at, keep in zip(rows, near >= wanted, strict=True) if keep]
    return _group(history, seed, members) if history.sources.count(members) >= SMALLEST else None


def _widen(history: History, group: Group) -> Group:
    """The group and up to half as many that are nearer to it than most of its own; a practice keeps its words."""
    if group.seed.view == "practice":
        return group
    centre = history.space[list(group.members)].sum(axis=0)
    everything = history.space @ (centre / max(float(numpy.linalg.norm(centre)), 1e-9))
    near = numpy.flatnonzero(everything >= numpy.where(history.meant, _JOINS, _JOINS_WORDS))
    nearest = near[numpy.argsort(-everything[near], kind="stable")][: len(group.members)]
    own = set(group.members)
    joining = [int(at) for at in nearest if int(at) not in own][: len(own) // 2]
    return _group(history, group.seed, sorted(own.union(joining))) if joining else group


def _group(history: History, seed: Seed, members: Sequence[int]) -> Group:
    rows = numpy.asarray(members, dtype=numpy.int64)
    close = _leave_one_out(history.space[rows], numpy.ones(len(rows), dtype=numpy.float32))
    cohesion = float(close.mean())
    return Group(
        seed=seed,
        members=tuple(members),
        closeness={at: round(float(value), 4) for at, value in zip(members, close, strict=True)},
        cohesion=round(cohesion, 4),
        sources=history.sources.count(members),
        score=round(_score(seed, cohesion, history.sources.spells(members)), 5),
    )


def _leave_one_out(rows: Floats, weights: Floats) -> Floats:
    """Cosine of each row to the weighted sum of the others."""
    rest = (rows * weights[:, None]).sum(axis=0)[None, :] - rows * weights[:, None]
    length = numpy.sqrt((rest * rest).sum(axis=1))
    return (rows * rest).sum(axis=1) / numpy.maximum(length, 1e-9)


def _score(seed: Seed, cohesion: float, spells: int) -> float:
    """How alike, counted from where loose talk begins; beyond .65 likeness adds nothing (one headline five times over).

    A practice has a name that fits from the start; a neighbourhood in meaning has to find one. What came back in fewer
    than four separate weeks (`spells`) is one piece of work more than a habit; in fewer than three, nothing else.
    """
    trust = {"practice": 1.6, "words": 1.0, "meaning": 0.75}[seed.view]
    pair = 1.1 if " " in seed.anchor and seed.view == "words" else 1.0
    if spells < (2 if seed.view == "practice" else 3):
        return 0.0
    loose = _LOOSE_PRACTICE if seed.view == "practice" else _LOOSE
    return max(0.0, min(cohesion, 0.65) - loose) * trust * pair * min(1.0, spells / 4)


def choose(
    history: History, groups: Sequence[Group], draft: Callable[[Group], _Draft | None], *, most: int, largest: int
) -> list[_Draft]:
    """Drafts of at most `most` groups, each time the one that tells most that is new; near-copies are left out.

    Practices come first, for up to three fifths of the places: what has a name beats a word that some members share. A
    group's worth is its score times the logarithm of its members, a member counting 1, or a quarter for each time that
    it has been told already. A group that `draft` cannot name is passed over. Ties are decided by the anchor.
    """
    fitting = [group for group in groups if group.sources <= largest and group.score > 0]
    fitting.sort(key=lambda g: (-g.score, g.seed.view, g.seed.anchor))
    choice: _Choice[_Draft] = _Choice(len(history.reads), draft)
    choice.add([group for group in fitting if group.seed.view == "practice"], most * 3 // 5)
    choice.add([group for group in fitting if group.seed.view != "practice"], most)
    return choice.drafts


class _Choice(Generic[_Draft]):
    """What has been chosen so far, and how often each member has been told."""

    def __init__(self, size: int, draft: Callable[[Group], _Draft | None]) -> None:
        self.drafts: list[_Draft] = []
        self._draft = draft
        self._told: list[tuple[Group, frozenset[int]]] = []
        self._fresh = numpy.ones(size, dtype=numpy.float64)

    def add(self, groups: Sequence[Group], most: int) -> None:
        """Choose from these until there are `most` drafts in all."""
        left = [(group, frozenset(group.members)) for group in groups]
        # Worth only ever falls, so a group whose old worth is below the best new one need not be looked at again.
        worth = [group.score * math.log2(1 + min(len(group.members), _ENOUGH)) for group, _ in left]
        while len(self.drafts) < most:
            best, best_worth = -1, 0.0
            for at in sorted(range(len(left)), key=lambda at: -worth[at]):
                if worth[at] <= best_worth:
                    break
                worth[at] = self._worth(*left[at])
                if worth[at] > best_worth:
                    best, best_worth = at, worth[at]
            if best < 0:
                return
            group, members = left[best]
            worth[best] = 0.0
            drafted = self._draft(group)
            if drafted is not None:
                self.drafts.append(drafted)
                self._told.append((group, members))
                self._fresh[list(group.members)] *= 0.25

    def _worth(self, group: Group, members: frozenset[int]) -> float:
        new = float(self._fresh[list(group.members)].sum())
        if new < _LEAST_NEW or any(_same(group, members, other, told) for other, told in self._told):
            return 0.0
        return group.score * math.log2(1 + min(new, _ENOUGH))


def _same(group: Group, members: frozenset[int], other: Group, told: frozenset[int]) -> bool:
    """Whether two groups tell one story. A small, closer-knit part of a wide practice has its own to tell."""
    smaller, larger = min(len(members), len(told)), max(len(members), len(told))
    if len(members & told) <= _SAME * smaller:
        return False
    is_part = other.seed.view == "practice" and smaller == len(members) and smaller <= _PART * larger
    return not (is_part and group.cohesion >= other.cohesion + _CLOSER)
