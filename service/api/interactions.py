"""/api/v1/interactions: what a client hands in to be learned from, and what became of it."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from service.api.free_json import FreeJson, clean
from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.pattern_parts import Moment
from service.api.problem import FieldError, FieldsInvalid, refusals
from service.api.texts import ONE_LINE
from service.errors import Forbidden
from service.extraction.clean_key import clean_author, clean_key
from service.extraction.intake import storable
from service.extraction.interaction import Details, Kind
from service.extraction.redact import redact
from service.storage import handed_in
from service.storage.database import Caller
from service.storage.rights import require

MAX_BODY_BYTES = 8 * 1024 * 1024
"""For one interaction: two million characters of any script; `MOTIF_MAX_TEXT_CHARS` is usually less."""

State = Literal["received", "processing", "done", "failed", "ignored"]
LongLine = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=ONE_LINE)]


class NewInteraction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One revision of one thing. A text that changed is another revision of the same external key.

    `author_key` tells authors apart without naming them; without one it is whoever hands it in, if a person does.
    `emergency`: an admin's own word that it cannot wait; it goes first, to the most capable model, if need be from a
    budget of its own.
    """

    project_id: UUID
    source_id: UUID
    kind: Kind
    external_key: LongLine
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=5_000_000, pattern=r"^[^\x00]*$")]
    revision: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=ONE_LINE)] = "1"
    author_key: LongLine | None = None
    metadata: FreeJson = {}
    emergency: bool = False


class InteractionSummary(msgspec.Struct, frozen=True):
    """An interaction without its text. `error`: why it failed or was left out."""

    id: UUID
    project_id: UUID
    source_id: UUID
    kind: Kind
    external_key: str
    revision: str
    author_key: str | None
    occurred_at: datetime
    state: State
    attempts: int
    error: str | None
    created_at: datetime
    processed_at: datetime | None


class RestingPattern(msgspec.Struct, frozen=True):
    """A pattern that an interaction is evidence of."""

    id: UUID
    name: str
    status: str
    quotes: int


class InteractionDetails(msgspec.Struct, frozen=True):
    """An interaction, its text, and at most 200 patterns that rest on it.

    `text` and `metadata` are null until secrets are taken out of what a team client wrote into the table itself.
    """

    interaction: InteractionSummary
    text: str | None
    metadata: dict[str, Any] | None
    patterns: list[RestingPattern]


class InteractionPage(msgspec.Struct, frozen=True):
    """Interactions, those that came last first."""

    items: list[InteractionSummary]
    next_cursor: str | None


@post(
    "/api/v1/interactions",
    status_code=202,
    summary="Hand in an interaction",
    description="It is learned from in the background; secrets are hidden before it is stored. 202 the first time, 200 "
    "with the same row when the same revision comes again. The body may have 8 MiB. Commits come from a repository's "
    "history alone.",
    response_description="The interaction, which waits.",
    tags=["Interactions"],
    responses=refusals(404, 409, 413, 415)
    | {
        200: ResponseSpec(
            InteractionSummary, description="The revision that is there already.", generate_examples=False
        )
    },
    request_max_body_size=MAX_BODY_BYTES,
)
async def add_interaction(
    data: JSONBody[NewInteraction], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> Response[InteractionSummary]:
    """Store an interaction as the caller."""
    if data.kind is Kind.COMMIT and caller.user_id is not None:
        raise Forbidden(
            "Commits are believed as evidence of a repository, so only the service brings them.",
            fix="Run `motif mine` on the repository.",
        )
    longest = parts.settings.max_text_chars
    if len(data.text) > longest:
        raise FieldsInvalid([FieldError("text", f"Over the {longest} characters that one interaction may have")])
    mine = f"user:{caller.user_id}"
    if (
        caller.user_id is not None
        and (data.author_key or mine).startswith("user:")
        and data.author_key not in {None, mine}
    ):
        raise FieldsInvalid([FieldError("author_key", "Another user's; leave it out for your own")])
    if data.emergency and not caller.is_person:
        raise Forbidden("An emergency is a person's word.", fix="Leave `emergency` out, or ask an admin to hand it in.")
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, data.project_id, "admin" if data.emergency else "member")
        source = await handed_in.source(connection, data.project_id, data.source_id)
    row = await asyncio.to_thread(_row, data)
    if caller.is_person:
        row["author_key"] = row["author_key"] or mine
    async with parts.database.writing(caller) as connection:
        stored, new = await handed_in.insert_once(connection, source, row)
    return Response(msgspec.convert(stored, InteractionSummary), status_code=202 if new else 200)


@get(
    "/api/v1/interactions",
    summary="List interactions",
    description="Those of one project or of all that the caller is in, without their texts.",
    response_description="One page of them.",
    tags=["Interactions"],
    responses=refusals(404),
)
async def list_interactions(
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    project_id: Annotated[UUID | None, QueryParameter(description="Only this project.")] = None,
    source_id: Annotated[UUID | None, QueryParameter(description="Only from this source.")] = None,
    kind: Annotated[Kind | None, QueryParameter(description="Only this kind.")] = None,
    in_state: Annotated[State | None, QueryParameter(name="state", description="Only in this state.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> InteractionPage:
    """List interactions that the caller sees."""
    after = decode_cursor(cursor, Moment)
    async with parts.database.reading(caller) as connection:
        if project_id is not None:
            await require(connection, caller, project_id, "viewer")
        rows = await handed_in.page(
            connection, project_id=project_id, source_id=source_id, kind=kind, state=in_state, limit=limit, after=after
        )
    page, next_cursor = cut(rows, limit, lambda row: (row["created_at"], row["id"]))
    return InteractionPage(msgspec.convert(page, list[InteractionSummary]), next_cursor)


@get(
    "/api/v1/interactions/{interaction_id:uuid}",
    summary="Read an interaction",
    response_description="The interaction, its text and what rests on it.",
    tags=["Interactions"],
    responses=refusals(404),
)
async def read_interaction(
    interaction_id: FromPath[UUID], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> InteractionDetails:
    """Read an interaction that the caller sees."""
    async with parts.database.reading(caller) as connection:
        row = await handed_in.details(connection, interaction_id)
        resting = await handed_in.resting(connection, row["project_id"], interaction_id)
    return InteractionDetails(
        msgspec.convert(row, InteractionSummary),
        row["text"],
        row["metadata"],
        msgspec.convert(resting, list[RestingPattern]),
    )


def _row(data: NewInteraction) -> dict[str, Any]:
    """The interaction's columns without secrets; raises FieldsInvalid."""
    if not data.text.strip():
        raise FieldsInvalid([FieldError("text", "Blank")])
    metadata = clean(data.metadata, "metadata")
    try:
        msgspec.convert(metadata, Details)
    except msgspec.ValidationError as error:
        message, _, inside = str(error).partition(" - at `$")
        raise FieldsInvalid([FieldError(f"metadata{inside.rstrip('`')}", message)]) from None
    text = redact(data.text)
    return {
        "kind": data.kind.value,
        "external_key": clean_key(data.external_key),
        "revision": clean_key(data.revision),
        "author_key": clean_author(data.author_key) if data.author_key else None,
        "occurred_at": storable(data.occurred_at),
        "text": text.text,
        "emergency": data.emergency,
        "metadata": {**metadata, "redactions": text.counts} if text.counts else metadata,
    }


ROUTES = (add_interaction, list_interactions, read_interaction)
