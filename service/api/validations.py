"""/api/v1/patterns/{id}/validations: a person's or an agent's word on whether a pattern is right."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.api.free_json import FreeJson, clean
from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.pattern_parts import Moment
from service.api.problem import refusals
from service.storage.database import Caller
from service.storage.pattern_pages import pattern
from service.storage.rights import require
from service.storage.validations import insert_validation, page_of_validations

ValidationType = Literal["usage", "outcome", "contradiction", "consensus"]


class NewValidation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One word on a pattern: `result` says whether it is right, of whatever type the word is."""

    validation_type: ValidationType
    result: bool
    evidence: FreeJson = {}
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


class Validation(msgspec.Struct, frozen=True):
    """A validation as it is stored; an agent's is that of a model, `llm`."""

    id: UUID
    project_id: UUID
    pattern_id: UUID
    validation_type: ValidationType
    result: bool
    evidence: dict[str, Any]
    validated_by: Literal["system", "user", "llm"]
    validator_id: UUID | None
    confidence: float
    created_at: datetime


class ValidationPage(msgspec.Struct, frozen=True):
    """Validations, the newest first."""

    items: list[Validation]
    next_cursor: str | None


@post(
    "/api/v1/patterns/{pattern_id:uuid}/validations",
    summary="Say whether a pattern is right",
    description="The last word of each caller counts; most of them decide its validation status.",
    response_description="The validation.",
    tags=["Patterns"],
    responses=refusals(404, 413, 415),
)
async def add_validation(
    pattern_id: FromPath[UUID],
    data: JSONBody[NewValidation],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Validation:
    """Store a validation as the caller."""
    values = {**msgspec.structs.asdict(data), "evidence": clean(data.evidence, "evidence")}
    async with parts.database.writing(caller) as connection:
        owner = await pattern(connection, pattern_id)
        await require(connection, caller, owner["project_id"], "member")
        row = await insert_validation(connection, caller, owner["project_id"], pattern_id, values)
    return msgspec.convert(row, Validation)


@get(
    "/api/v1/patterns/{pattern_id:uuid}/validations",
    summary="List what was said of a pattern",
    response_description="One page of validations.",
    tags=["Patterns"],
    responses=refusals(404),
)
async def list_validations(
    pattern_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ValidationPage:
    """List the validations of a pattern that the caller sees."""
    after = decode_cursor(cursor, Moment)
    async with parts.database.reading(caller) as connection:
        owner = await pattern(connection, pattern_id)
        rows = await page_of_validations(connection, owner["project_id"], pattern_id, limit=limit, after=after)
    page, next_cursor = cut(rows, limit, lambda row: (row["created_at"], row["id"]))
    return ValidationPage(msgspec.convert(page, list[Validation]), next_cursor)


ROUTES = (add_validation, list_validations)
