"""What is to be done: the types of task an interaction is split into, and how soon."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum


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


def input_hash(parts: Iterable[str]) -> str:
    """Sha256 (hex) of what a task reads, to tell whether it was done before. Order and boundaries of `parts` count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
