"""What the routes of patterns answer with. No counts in a pattern itself: its ETag changes when it does."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from service.matching.request import Status

ExtractionMethod = Literal["builtin", "local_llm", "commercial_llm", "manual"]
ValidationStatus = Literal["pending", "validated", "contradicted"]
Visibility = Literal["public", "private"]


class PatternSummary(msgspec.Struct, frozen=True):
    """A pattern as a list shows it."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    pattern_type: str
    scope: list[str]
    tags: list[str]
    confidence: float
    status: Status
    validation_status: ValidationStatus
    extraction_method: ExtractionMethod
    visibility: Visibility
    version: int
    superseded_by: UUID | None
    created_at: datetime
    updated_at: datetime


class PatternDetails(msgspec.Struct, frozen=True):
    """A pattern. `content`: problem, solution, context, steps, recommendations, those there are.

    `edited`: somebody changed what it says. `visibility`: the strictest of its evidence.
    """

    id: UUID
    project_id: UUID
    name: str
    description: str
    pattern_type: str
    content: dict[str, Any]
    scope: list[str]
    tags: list[str]
    confidence: float
    status: Status
    validation_status: ValidationStatus
    quality_metrics: dict[str, Any]
    success_criteria: dict[str, Any]
    superseded_by: UUID | None
    extraction_method: ExtractionMethod
    extraction_model: str | None
    extraction_confidence: float | None
    visibility: Visibility
    version: int
    edited: bool
    created_at: datetime
    updated_at: datetime


class PatternPage(msgspec.Struct, frozen=True):
    """Patterns, and where the list goes on."""

    items: list[PatternSummary]
    next_cursor: str | None


class PatternStats(msgspec.Struct, frozen=True):
    """How a pattern has fared. `recent_`: the last 30 days; `success_rate`: a partial success counts half."""

    match_count: int
    usage_count: int
    success_rate: float | None
    recent_usage_count: int
    recent_performance: float | None
    last_matched_at: datetime | None
    validation_count: int
    contradiction_count: int


class EvidencePiece(msgspec.Struct, frozen=True):
    """A quote and where it stands, in code points; `source` is the interaction's external key."""

    id: UUID
    version: int
    interaction_id: UUID
    source: str
    kind: str
    revision: str
    occurred_at: datetime
    quote: str
    char_start: int
    char_end: int
    repository: str | None
    visibility: Visibility
    link: str | None


class EvidencePage(msgspec.Struct, frozen=True):
    """Evidence, the oldest interaction first."""

    items: list[EvidencePiece]
    next_cursor: str | None


class PatternVersion(msgspec.Struct, frozen=True):
    """What a pattern said in one state. `created_by`: `builtin`, `user:<id>`, `agent:<id of its key>` or `service`."""

    number: int
    snapshot: dict[str, Any]
    baselines: dict[str, Any]
    status: Literal["current", "replaced"]
    created_by: str
    correlation_id: str | None
    created_at: datetime


class VersionPage(msgspec.Struct, frozen=True):
    """Versions, the newest first."""

    items: list[PatternVersion]
    next_cursor: str | None


class PatternRelationship(msgspec.Struct, frozen=True):
    """Another pattern and how the two belong together; `outgoing`: it is said of this one."""

    id: UUID
    relationship_type: str
    pattern_id: UUID
    name: str
    outgoing: bool
    strength: float
    confidence: float
    evidence: dict[str, Any]
    extraction_method: ExtractionMethod


class RelationshipPage(msgspec.Struct, frozen=True):
    """Relationships, the strongest first."""

    items: list[PatternRelationship]
    next_cursor: str | None
