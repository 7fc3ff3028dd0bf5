"""/api/v1/patterns/{id}/usage: what came of putting a pattern to use; it feeds what the next match is scored by."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody

from service.api.free_json import FreeJson, clean
from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.pattern_parts import Moment
from service.api.problem import FieldError, FieldsInvalid, refusals
from service.api.texts import ONE_LINE
from service.extraction.clean_key import clean_key
from service.extraction.redact import redact
from service.storage.database import Caller
from service.storage.pattern_pages import pattern
from service.storage.rights import require
from service.storage.usage import insert_usage, page_of_usage

Outcome = Literal["successful", "failed", "partial", "timeout"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=ONE_LINE)]

# The policy allows as much: what is older says nothing of how the pattern does.
_OLDEST, _AHEAD = timedelta(days=365), timedelta(minutes=5)


class NewUsage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One usage. The same under the same key counts once; the key may stand in Idempotency-Key instead."""

    outcome: Outcome
    idempotency_key: Key | None = None
    session_id: Annotated[str, msgspec.Meta(max_length=200, pattern=ONE_LINE)] | None = None
    context: FreeJson = {}
    duration_ms: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    quality_results: FreeJson = {}
    performance_score: Share | None = None
    effectiveness_score: Share | None = None
    error: Annotated[str, msgspec.Meta(max_length=10_000, pattern=r"^[^\x00]*$")] | None = None
    started_at: Annotated[datetime, msgspec.Meta(tz=True, description="Now, if left out.")] | None = None


class Usage(msgspec.Struct, frozen=True):
    """A usage as it is stored; `version` is the pattern's when it was used."""

    id: UUID
    project_id: UUID
    pattern_id: UUID
    idempotency_key: str
    session_id: str | None
    context: dict[str, Any]
    outcome: Outcome
    duration_ms: int | None
    quality_results: dict[str, Any]
    performance_score: float | None
    effectiveness_score: float | None
    error: str | None
    version: int | None
    user_id: UUID | None
    started_at: datetime
    created_at: datetime


class UsagePage(msgspec.Struct, frozen=True):
    """Usages, the newest first."""

    items: list[Usage]
    next_cursor: str | None


@post(
    "/api/v1/patterns/{pattern_id:uuid}/usage",
    summary="Say what came of a pattern",
    description="Counts once for each idempotency key: 201 the first time, 200 with the same row when it is repeated.",
    response_description="The usage.",
    tags=["Patterns"],
    responses=refusals(404, 409, 413, 415)
    | {200: ResponseSpec(Usage, description="The usage that is there already.", generate_examples=False)},
)
async def add_usage(
    request: Request[Any, Any, Any],
    pattern_id: FromPath[UUID],
    data: JSONBody[NewUsage],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(name="Idempotency-Key", min_length=1, max_length=200, description="Instead of in the body."),
    ] = None,
) -> Response[Usage]:
    """Store a usage as the caller."""
    values = _values(data, idempotency_key)
    async with parts.database.writing(caller) as connection:
        owner = await pattern(connection, pattern_id)
        await require(connection, caller, owner["project_id"], "member")
        row, new = await insert_usage(connection, caller, owner["project_id"], pattern_id, values)
    return Response(msgspec.convert(row, Usage), status_code=201 if new else 200)


@get(
    "/api/v1/patterns/{pattern_id:uuid}/usage",
    summary="List what came of a pattern",
    response_description="One page of usages.",
    tags=["Patterns"],
    responses=refusals(404),
)
async def list_usage(
    pattern_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> UsagePage:
    """List the usages of a pattern that the caller sees."""
    after = decode_cursor(cursor, Moment)
    async with parts.database.reading(caller) as connection:
        owner = await pattern(connection, pattern_id)
        rows = await page_of_usage(connection, owner["project_id"], pattern_id, limit=limit, after=after)
    page, next_cursor = cut(rows, limit, lambda row: (row["started_at"], row["id"]))
    return UsagePage(msgspec.convert(page, list[Usage]), next_cursor)


def _values(data: NewUsage, header: str | None) -> dict[str, Any]:
    """The usage's columns, its texts without secrets; raises FieldsInvalid."""
    values = msgspec.structs.asdict(data)
    values["idempotency_key"] = _key(data.idempotency_key, header)
    for name in ("context", "quality_results"):
        values[name] = clean(values[name], name)
    for name in ("session_id", "error"):
        if values[name] is not None:
            values[name] = redact(values[name]).text
    if data.started_at is not None:
        now = datetime.now(UTC)
        if not now - _OLDEST < data.started_at < now + _AHEAD:
            raise FieldsInvalid([FieldError("started_at", "Expected a moment of the last year")])
    return values


def _key(body: str | None, header: str | None) -> str:
    """The idempotency key, wherever it stands."""
    try:
        given = msgspec.convert(header.strip(' "'), Key) if header is not None else body
    except msgspec.ValidationError as error:
        raise FieldsInvalid([FieldError("Idempotency-Key", str(error))]) from None
    if given is None:
        raise FieldsInvalid([FieldError("idempotency_key", "Missing, and needed")])
    if body is not None and body != given:
        raise FieldsInvalid([FieldError("idempotency_key", "Not the same as in Idempotency-Key")])
    return clean_key(given)


ROUTES = (add_usage, list_usage)
