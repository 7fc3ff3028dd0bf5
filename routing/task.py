"""What is to be done: the types of task an interaction is split into, how soon, and how much it matters."""

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec


class TaskType(StrEnum):
    """The six types of work; the names are stored."""

    CONTENT_ANALYSIS = "content_analysis"
    PATTERN_EXTRACTION = "pattern_extraction"
    RELATIONSHIP_MAPPING = "relationship_mapping"
    STRATEGIC_ANALYSIS = "strategic_analysis"
    COMPLEX_REASONING = "complex_reasoning"
    DECISION_MAKING = "decision_making"


class Priority(StrEnum):
    """How soon: a webhook is waited for by a pull request, a person waits for interactive, nobody for a backfill."""

    WEBHOOK = "webhook"
    INTERACTIVE = "interactive"
    BACKFILL = "backfill"


class Importance(StrEnum):
    """How sure the answer has to be. Emergency is an admin's word alone, and may use the emergency pool."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    EMERGENCY = "emergency"


class Complexity(msgspec.Struct, frozen=True):
    """How hard a task is, in [0,1], with the parts that made it (see complexity.py) and the version of the weights."""

    score: float
    parts: Mapping[str, float]
    version: str


BANDS = 5
"""Bands of complexity, of equal width, by which a model's success is learned."""


def band_of(score: float) -> int:
    """The band of a complexity, 0 to BANDS - 1."""
    return min(int(score * BANDS), BANDS - 1)


class Prompt(msgspec.Struct, frozen=True):
    """What a model is asked. `answer`: the msgspec struct that its JSON must be; `name`: what vendors call that.

    `system` comes from us alone and is the same from task to task of a type; what others wrote stands in `user`.
    """

    name: str
    system: str
    user: str
    answer: type[Any]
    max_output_tokens: int


class Task(msgspec.Struct, frozen=True):
    """One piece of an extractor's work.

    `vendors`: commercial vendors that may see it, None for any, empty for none (a source that denies remote models);
    the strictest of every source that lent the prompt a word. `redactions`: placeholders of secrets in the prompt. The
    ids go into the ledger; `prompt_version` and `input_hash` name the answer that is kept.
    """

    type: TaskType
    prompt: Prompt
    complexity: Complexity
    importance: Importance = Importance.NORMAL
    vendors: frozenset[str] | None = frozenset()
    redactions: int = 0
    project_id: UUID | None = None
    source_id: UUID | None = None
    interaction_id: UUID | None = None
    prompt_version: str = ""
    input_hash: str = ""


def input_hash(parts: Iterable[str]) -> str:
    """Sha256 (hex) of what a task reads, to tell whether it was done before. Order and boundaries of `parts` count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
