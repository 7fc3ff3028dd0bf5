"""What belongs to a pattern: /stats, /evidence, /versions and /relationships below its address."""

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.pattern_shapes import (
    EvidencePage,
    EvidencePiece,
    PatternRelationship,
    PatternStats,
    PatternVersion,
    RelationshipPage,
    VersionPage,
)
from service.api.problem import refusals
from service.storage import pattern_pages
from service.storage.database import Caller
from service.storage.pattern_pages import pattern

# Sort keys as cursors hold them, within what their columns hold: a cursor may have been made up.
Moment: TypeAlias = tuple[datetime, UUID]
Strength: TypeAlias = tuple[Annotated[float, msgspec.Meta(ge=0, le=1)], UUID]
Number: TypeAlias = tuple[Annotated[int, msgspec.Meta(ge=0, lt=2**31)]]


@get(
    "/api/v1/patterns/{pattern_id:uuid}/stats",
    summary="How a pattern has fared",
    response_description="What was counted until now.",
    tags=["Patterns"],
    responses=refusals(404),
)
async def read_stats(
    pattern_id: FromPath[UUID], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> PatternStats:
    """Read the statistics of a pattern that the caller sees."""
    async with parts.database.reading(caller) as connection:
        owner = await pattern(connection, pattern_id)
        row = await pattern_pages.stats(connection, owner["project_id"], pattern_id)
    return msgspec.convert(row, PatternStats)


@get(
    "/api/v1/patterns/{pattern_id:uuid}/evidence",
    summary="List what a pattern rests on",
    response_description="One page of quotes.",
    tags=["Patterns"],
    responses=refusals(404),
)
async def list_evidence(
    pattern_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> EvidencePage:
    """List the evidence of a pattern that the caller sees."""
    after = decode_cursor(cursor, Moment)
    async with parts.database.reading(caller) as connection:
        owner = await pattern(connection, pattern_id)
        rows = await pattern_pages.page_of_evidence(
            connection, owner["project_id"], pattern_id, limit=limit, after=after
        )
    page, next_cursor = cut(rows, limit, lambda row: (row["occurred_at"], row["id"]))
    return EvidencePage(msgspec.convert(page, list[EvidencePiece]), next_cursor)


@get(
    "/api/v1/patterns/{pattern_id:uuid}/versions",
    summary="List a pattern's versions",
    response_description="One page of them.",
    tags=["Patterns"],
    responses=refusals(404),
)
async def list_versions(
    pattern_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> VersionPage:
    """List the versions of a pattern that the caller sees."""
    before = decode_cursor(cursor, Number)
    async with parts.database.reading(caller) as connection:
        owner = await pattern(connection, pattern_id)
        rows = await pattern_pages.page_of_versions(
            connection, owner["project_id"], pattern_id, limit=limit, before=before[0] if before else None
        )
    page, next_cursor = cut(rows, limit, lambda row: (row["number"],))
    return VersionPage(msgspec.convert(page, list[PatternVersion]), next_cursor)


@get(
    "/api/v1/patterns/{pattern_id:uuid}/relationships",
    summary="List what a pattern is related to",
    response_description="One page of them.",
    tags=["Patterns"],
    responses=refusals(404),
)
async def list_relationships(
    pattern_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RelationshipPage:
    """List the relationships of a pattern that the caller sees."""
    after = decode_cursor(cursor, Strength)
    async with parts.database.reading(caller) as connection:
        owner = await pattern(connection, pattern_id)
        rows = await pattern_pages.page_of_relationships(
            connection, owner["project_id"], pattern_id, limit=limit, after=after
        )
    page, next_cursor = cut(rows, limit, lambda row: (row["strength"], row["id"]))
    return RelationshipPage(msgspec.convert(page, list[PatternRelationship]), next_cursor)


ROUTES = (read_stats, list_evidence, list_versions, list_relationships)
