"""/api/v1/patterns: written, listed, read and changed as the caller."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET

from service.api.etag import UNCHANGED, check_if_match, tagged
from service.api.free_json import clean
from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.pattern_parts import Moment, Strength
from service.api.pattern_shapes import (
    ExtractionMethod,
    PatternDetails,
    PatternPage,
    PatternSummary,
    ValidationStatus,
)
from service.api.problem import FieldError, FieldsInvalid, refusals
from service.extraction.handwritten import change_pattern, write_pattern
from service.extraction.written_evidence import EvidenceInvalid
from service.extraction.written_pattern import PatternChange, WrittenPattern
from service.matching.request import Status
from service.storage.database import Caller
from service.storage.pattern_pages import Order, PatternFilter, page_of_patterns, pattern
from service.storage.patterns import Row
from service.storage.rights import require

Written = TypeVar("Written", WrittenPattern, PatternChange)

_LABEL = r"^[^\x00]*$"


@post(
    "/api/v1/patterns",
    summary="Write a pattern",
    description="A person writes a pattern, an agent proposes one. It rests on the evidence given with it, each quote "
    "of which must stand in its interaction; without any, on its own words. Secrets are hidden first.",
    response_description="The pattern, its ETag, and its address in Location.",
    tags=["Patterns"],
    responses=refusals(404, 409, 413, 415),
)
async def add_pattern(
    request: Request[Any, Any, Any],
    data: JSONBody[WrittenPattern],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[PatternDetails]:
    """Store a pattern as the caller."""
    try:
        row = await write_pattern(parts.database, parts.embedder, caller, _checked(data))
    except EvidenceInvalid as error:
        raise FieldsInvalid([FieldError(f"evidence[{at}]", what) for at, what in error.wrong.items()]) from None
    answer = tagged(request, _details(row), status_code=201)
    answer.headers["location"] = f"/api/v1/patterns/{row['id']}"
    return answer


@get(
    "/api/v1/patterns",
    summary="List patterns",
    description="Those of one project or of all that the caller is in, narrowed by what is given.",
    response_description="One page of them.",
    tags=["Patterns"],
    responses=refusals(404),
)
async def list_patterns(
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    project_id: Annotated[UUID | None, QueryParameter(description="Only this project.")] = None,
    status: Annotated[Status | None, QueryParameter(description="Only this status.")] = None,
    pattern_type: Annotated[
        str | None, QueryParameter(max_length=50, pattern=_LABEL, description="Only this type.")
    ] = None,
    tag: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=100, pattern=_LABEL)]] | None,
        QueryParameter(max_length=50, description="With all of these tags."),
    ] = None,
    extraction_method: Annotated[
        ExtractionMethod | None, QueryParameter(description="Only those found in this way.")
    ] = None,
    min_confidence: Annotated[float, QueryParameter(ge=0, le=1, description="Least confidence.")] = 0.0,
    validation_status: Annotated[ValidationStatus | None, QueryParameter(description="Only this.")] = None,
    updated_after: Annotated[
        datetime | None, QueryParameter(description="Changed after this moment; without a zone it is UTC.")
    ] = None,
    name: Annotated[
        str | None, QueryParameter(max_length=300, pattern=_LABEL, description="A part of the name.")
    ] = None,
    order: Annotated[Order, QueryParameter(description="The most certain, or those changed last, first.")] = (
        "confidence"
    ),
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PatternPage:
    """List patterns that the caller sees."""
    after = decode_cursor(cursor, Strength) if order == "confidence" else decode_cursor(cursor, Moment)
    wanted = PatternFilter(
        project_id=project_id,
        status=status,
        pattern_type=pattern_type,
        tags=tuple(tag or ()),
        extraction_method=extraction_method,
        min_confidence=min_confidence or None,
        validation_status=validation_status,
        updated_after=aware(updated_after),
        name=name,
    )
    async with parts.database.reading(caller) as connection:
        if project_id is not None:
            await require(connection, caller, project_id, "viewer")
        rows = await page_of_patterns(connection, wanted, order=order, limit=limit, after=after)
    key = "confidence" if order == "confidence" else "updated_at"
    page, next_cursor = cut(rows, limit, lambda row: (row[key], row["id"]))
    return PatternPage(msgspec.convert(page, list[PatternSummary]), next_cursor)


@get(
    "/api/v1/patterns/{pattern_id:uuid}",
    summary="Read a pattern",
    response_description="The pattern, and its ETag.",
    tags=["Patterns"],
    responses=refusals(404) | UNCHANGED,
)
async def read_pattern(
    request: Request[Any, Any, Any],
    pattern_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[PatternDetails]:
    """Read a pattern that the caller sees."""
    async with parts.database.reading(caller) as connection:
        row = await pattern(connection, pattern_id)
    return tagged(request, _details(row))


@patch(
    "/api/v1/patterns/{pattern_id:uuid}",
    summary="Change a pattern",
    description="What is left out stays. A change of what it says is its next version, and extractors only add "
    "evidence to it from then on. The status is for people to set.",
    response_description="The pattern as it is now, and its ETag.",
    tags=["Patterns"],
    responses=refusals(404, 409, 412, 413, 415, 428),
)
async def edit_pattern(
    request: Request[Any, Any, Any],
    pattern_id: FromPath[UUID],
    data: JSONBody[PatternChange],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[PatternDetails]:
    """Change a pattern as the caller."""

    def check(row: Row) -> None:
        check_if_match(request, _details(row))

    row = await change_pattern(parts.database, parts.embedder, caller, pattern_id, _checked(data), check)
    return tagged(request, _details(row))


def aware(moment: datetime | None) -> datetime | None:
    """A moment of an address in UTC unless it says otherwise."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _checked(written: Written) -> Written:
    """The same, its free JSON held to its bounds; raises FieldsInvalid."""
    free = {
        name: clean(value, name)
        for name in ("quality_metrics", "success_criteria")
        if (value := getattr(written, name)) is not UNSET
    }
    return msgspec.structs.replace(written, **free)


def _details(row: Row) -> PatternDetails:
    return msgspec.convert(row, PatternDetails)


ROUTES = (add_pattern, list_patterns, read_pattern, edit_pattern)
