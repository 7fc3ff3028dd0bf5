"""What happened, as a learned estimate of success by model, task type and band of complexity. Pure."""

from collections.abc import Mapping
from datetime import datetime
from math import sqrt
from typing import Protocol, TypeAlias

import msgspec

from routing.catalog import Model, Place
from routing.task import TaskType

LOCAL_SUCCESS: Mapping[TaskType, float] = {
    TaskType.PATTERN_EXTRACTION: 0.85,
    TaskType.RELATIONSHIP_MAPPING: 0.75,
    TaskType.CONTENT_ANALYSIS: 0.90,
    TaskType.STRATEGIC_ANALYSIS: 0.40,
    TaskType.COMPLEX_REASONING: 0.30,
    TaskType.DECISION_MAKING: 0.45,
}
"""How often a local model is taken to succeed before anything was learned of it; starting numbers, not measurements."""

COMMERCIAL_SUCCESS = 0.95
"""The same for a commercial one, whatever the type."""

PRIOR_MASS = 20.0
"""How many outcomes a starting number weighs. Three bad answers in a row then move .85 to .74 and turn no decision at
the normal target of .7; five do. After a hundred outcomes it is a sixth of the estimate: a wrong one is outgrown."""

NEIGHBOUR_WEIGHT = 0.25
"""What an outcome of the band next to it counts towards where a band starts: a bit easier or harder, not the same."""

HALF_LIFE_S = 14 * 86_400.0
"""Outcomes lose half their weight in two weeks: models, prompts and hardware change, and one that failed early must be
tried again some day although nobody asks it any more."""


class Counts(msgspec.Struct, frozen=True):
    """Answers that stood, and that did not. `updated_at`: as of when; they fade from then on (None: not at all)."""

    successes: float = 0.0
    failures: float = 0.0
    updated_at: datetime | None = None


Key: TypeAlias = tuple[str, TaskType, int]
"""Model (vendor/name), task type, band."""


class Cooldown(msgspec.Struct, frozen=True):
    """Whom not to ask before when; `model` empty for all of the vendor's."""

    vendor: str
    model: str
    until: datetime
    reason: str


class Experience(msgspec.Struct, frozen=True):
    """What the installation has learned so far, at one moment."""

    outcomes: Mapping[Key, Counts] = {}
    cooldowns: tuple[Cooldown, ...] = ()


class Memory(Protocol):
    """Where experience is kept, shared by all processes. Outcomes are written by the ledger, with what they cost."""

    async def recall(self) -> Experience:
        """What is known now, at most some seconds old; what was known before when the database is away."""
        ...

    async def cool_down(self, vendor: str, model: str, *, seconds: float, reason: str) -> None:
        """Leave a model (or, with '', all of a vendor's) in peace. Never raises."""
        ...


class Belief(msgspec.Struct, frozen=True):
    """What is believed of a model's success: a beta distribution by its mean and how many outcomes it is worth."""

    mean: float
    mass: float

    @property
    def hopeful(self) -> float:
        """What it may well be: two standard deviations above the mean, at most 1."""
        return min(self.mean + 2 * sqrt(self.mean * (1 - self.mean) / (self.mass + 1)), 1.0)


def starting_success(model: Model, type_: TaskType) -> float:
    """How often it is taken to succeed before anything was learned: the catalog's word, else the starting number."""
    usual = LOCAL_SUCCESS[type_] if model.place is Place.LOCAL else COMMERCIAL_SUCCESS
    return min(max(model.capability.get(type_, usual), 0.0), 1.0)


def belief(model: Model, type_: TaskType, band: int, experience: Experience, *, now: datetime) -> Belief:
    """The posterior of a model's success: where it starts, then what was seen in this band, faded by age.

    Where it starts is the starting number, drawn towards the neighbouring bands by at most as much as it weighs itself;
    both together never weigh more than PRIOR_MASS, however much was seen next door.
    """
    start = starting_success(model, type_)
    if not experience.outcomes:
        return Belief(start, PRIOR_MASS)
    stood, fell = _faded(experience, model.ref, type_, band, now)
    near_stood = near_fell = 0.0
    for neighbour in (band - 1, band + 1):
        more_stood, more_fell = _faded(experience, model.ref, type_, neighbour, now)
        near_stood += more_stood
        near_fell += more_fell
    near = near_stood + near_fell
    if near:
        weight = min(NEIGHBOUR_WEIGHT * near, PRIOR_MASS)
        start = (start * PRIOR_MASS + near_stood / near * weight) / (PRIOR_MASS + weight)
    seen = stood + fell
    return Belief((start * PRIOR_MASS + stood) / (PRIOR_MASS + seen), PRIOR_MASS + seen)


def fading(age_s: float) -> float:
    """What is left of an outcome's weight after so many seconds; all of it where a clock jumped back."""
    return 0.5 ** (max(age_s, 0.0) / HALF_LIFE_S)


def _faded(experience: Experience, ref: str, type_: TaskType, band: int, now: datetime) -> tuple[float, float]:
    counts = experience.outcomes.get((ref, type_, band))
    if counts is None:
        return 0.0, 0.0
    left = 1.0 if counts.updated_at is None else fading((now - counts.updated_at).total_seconds())
    return counts.successes * left, counts.failures * left
