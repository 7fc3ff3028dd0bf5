"""The lines of an exported project, one struct a kind. What they may hold beyond types the tables say. Pure."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec

from service.storage.sources import RemoteVendor

Json = dict[str, Any]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ProjectLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: the format, and the project itself."""

    format: Literal[1]
    project: str
    settings: Json = {}


class SourceLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source. `ids`: fields that hold ids of the export."""

    ids: ClassVar = ("id",)
    id: UUID
    kind: str
    name: str
    external_id: str
    visibility: str
    remote_models: str
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None
    settings: Json
    created_at: Moment
    remote_vendors: list[RemoteVendor] = []


class InteractionLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An interaction. Who handed it in is another installation's; whether an agent did still counts."""

    ids: ClassVar = ("id", "source_id")
    id: UUID
    source_id: UUID
    kind: str
    external_key: str
    revision: str
    author_key: str | None
    occurred_at: Moment
    text: str
    metadata: Json
    priority: str
    state: str
    error: str | None
    processed_at: Moment | None
    handed_in_by: Literal["agent:elsewhere", "service"]
    created_at: Moment


class PatternLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pattern."""

    ids: ClassVar = ("id", "superseded_by")
    id: UUID
    name: str
    description: str
    pattern_type: str
    content: Json
    scope: list[str]
    tags: list[str]
    confidence: Share
    status: str
    context_hash: str
    execution_trace: Json
    success_criteria: Json
    quality_metrics: Json
    performance_data: Json
    superseded_by: UUID | None
    extraction_method: str
    extraction_model: str | None
    extraction_confidence: Share | None
    visibility: str
    version: Offset
    edited: bool
    decided: bool
    created_at: Moment


class VersionLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a pattern."""

    ids: ClassVar = ("pattern_id",)
    pattern_id: UUID
    number: Offset
    snapshot: Json
    baselines: Json
    status: str
    created_by: str
    created_at: Moment


class EvidenceLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quote that a pattern rests on."""

    ids: ClassVar = ("pattern_id", "interaction_id")
    pattern_id: UUID
    version: Offset
    interaction_id: UUID
    quote: str
    char_start: Offset
    char_end: Offset
    repository: str | None
    visibility: str
    link: str | None
    created_at: Moment


class RelationshipLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A relationship between two patterns."""

    ids: ClassVar = ("source_pattern_id", "target_pattern_id")
    source_pattern_id: UUID
    target_pattern_id: UUID
    relationship_type: str
    strength: Share
    confidence: Share
    evidence: Json
    validation_count: Offset
    contradiction_count: Offset
    extraction_method: str
    extraction_model: str | None
    extraction_confidence: Share | None
    created_at: Moment


class ValidationLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A validation of a pattern, by nobody in particular."""

    ids: ClassVar = ("pattern_id",)
    pattern_id: UUID
    validation_type: str
    result: bool
    evidence: Json
    validated_by: str
    confidence: Share
    created_at: Moment


class UsageLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A usage of a pattern, by nobody in particular."""

    ids: ClassVar = ("pattern_id",)
    pattern_id: UUID
    idempotency_key: str
    session_id: str | None
    context: Json
    outcome: str
    duration_ms: Count | None
    quality_results: Json
    performance_score: Share | None
    effectiveness_score: Share | None
    error: str | None
    version: Offset | None
    started_at: Moment
    created_at: Moment


class StatsLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a pattern has fared, and what its validations come to."""

    ids: ClassVar = ("pattern_id",)
    pattern_id: UUID
    match_count: Count
    usage_count: Count
    success_points: Annotated[float, msgspec.Meta(ge=0)]
    success_rate: Share | None
    last_matched_at: Moment | None
    validation_count: Offset
    contradiction_count: Offset
    validation_status: str


class EndLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line: how many there were before it, so that half a file is not taken for a whole one."""

    lines: Count


Line = (
    ProjectLine
    | SourceLine
    | InteractionLine
    | PatternLine
    | VersionLine
    | EvidenceLine
    | RelationshipLine
    | ValidationLine
    | UsageLine
    | StatsLine
    | EndLine
)

KINDS: dict[str, type[Line]] = {
    "motif": ProjectLine,
    "source": SourceLine,
    "interaction": InteractionLine,
    "pattern": PatternLine,
    "version": VersionLine,
    "evidence": EvidenceLine,
    "relationship": RelationshipLine,
    "validation": ValidationLine,
    "usage": UsageLine,
    "stats": StatsLine,
    "end": EndLine,
}
"""In the order in which they come; each line is an object with one of these names."""
