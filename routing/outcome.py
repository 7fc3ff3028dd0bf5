"""What happened, as a learned estimate of success by model, task type and band of complexity. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec

from routing.task import TaskType


class Counts(msgspec.Struct, frozen=True):
    """Answers that stood, and that did not."""

    successes: float = 0.0
    failures: float = 0.0


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
