"""What is asked of a match and what it answers; the shapes of POST /api/v1/patterns/match."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

MAX_INTENT_CHARS = 100_000  # the longest issue reports with stack traces reach 73,000

Text = Annotated[str, msgspec.Meta(max_length=MAX_INTENT_CHARS)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
# No label holds a NUL, and Postgres takes none.
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]

Status = Literal["proposed", "active", "deprecated", "archived"]


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Narrow the search. An empty list or null does not narrow; `tags`: a pattern has all of them."""

    pattern_types: Annotated[list[Label], msgspec.Meta(max_length=50)] | None = None
    statuses: Annotated[list[Status], msgspec.Meta(max_length=4)] | None = msgspec.field(
        default_factory=lambda: ["active", "proposed"]
    )
    tags: Annotated[list[Label], msgspec.Meta(max_length=50)] | None = None
    min_quality_score: Share | None = None
    min_success_rate: Share | None = None


class MatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody is about to do. `min_confidence` cuts on `confidence_score`.

    `audience`: the repository where the answer will be read, by source id, external id or name; what rests on private
    evidence of any other source is left out. Without it, whatever the caller may see is answered.
    """

    intent: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_INTENT_CHARS, pattern=r"\S")]
    context: Text | None = None
    requirements: (
        Annotated[list[Annotated[str, msgspec.Meta(max_length=2_000)]], msgspec.Meta(max_length=50)] | None
    ) = None
    filters: Filters | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    min_confidence: Share = 0.0
    audience: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")] | None = None


class MatchedEvidence(msgspec.Struct, frozen=True):
    """A quote and where it stands: `source` is the external key, for a commit its full sha."""

    source: str
    kind: str
    quote: str
    char_start: int
    char_end: int
    occurred_at: str
    repository: str | None = None
    link: str | None = None


class MatchedPattern(msgspec.Struct, frozen=True):
    """One answer. `similarity` is the cosine, null where there is no vector; `why` holds every part of the score."""

    pattern_id: UUID
    pattern_type: str
    name: str
    description: str
    confidence_score: float
    similarity: float | None
    metadata: dict[str, object]
    evidence: list[MatchedEvidence]
    recommendations: list[str]
    why: dict[str, Any]


class QueryMetadata(msgspec.Struct, frozen=True):
    """How the answer came about; times in milliseconds by stage (embed, search, rank, total)."""

    query_time_ms: dict[str, float]
    embedding_model: str | None
    filters: Filters
    candidates: int
    notes: list[str] = []


class MatchResponse(msgspec.Struct, frozen=True):
    """`total_matches`: how many passed the cut among the candidates examined; at most `limit` are listed."""

    matched_patterns: list[MatchedPattern]
    total_matches: int
    query_metadata: QueryMetadata
