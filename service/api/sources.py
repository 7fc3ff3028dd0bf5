"""/api/v1/projects/{project_id}/sources: where interactions come from, who may see them, and for how long they stay."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from service.api.etag import UNCHANGED, check_if_match, is_same, tagged
from service.api.free_json import FreeJson, clean
from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.problem import refusals
from service.api.texts import LongName
from service.storage import sources
from service.storage.database import Caller
from service.storage.rights import require
from service.storage.sources import RemoteModels, RemoteVendor, SourceDetails, SourceKind, Visibility

RetentionDays: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
RemoteVendors: TypeAlias = Annotated[list[RemoteVendor], msgspec.Meta(max_length=20)]


class NewSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source to be made; `external_id` is its name where it comes from, such as `owner/repository`."""

    kind: SourceKind
    name: LongName
    external_id: LongName
    visibility: Visibility = "private"
    remote_models: RemoteModels = "deny"
    remote_vendors: RemoteVendors = []
    retention_days: RetentionDays | None = None
    settings: FreeJson = {}


class SourceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays. `settings` are given whole."""

    name: LongName | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    remote_models: RemoteModels | UnsetType = UNSET
    remote_vendors: RemoteVendors | UnsetType = UNSET
    retention_days: RetentionDays | UnsetType | None = UNSET
    settings: FreeJson | UnsetType = UNSET


class SourcePage(msgspec.Struct, frozen=True):
    """Sources, the oldest first."""

    items: list[SourceDetails]
    next_cursor: str | None


@get(
    "/api/v1/projects/{project_id:uuid}/sources",
    summary="List sources",
    response_description="One page of them.",
    tags=["Sources"],
    responses=refusals(404),
)
async def list_sources(
    project_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SourcePage:
    """List a project's sources."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "viewer")
        found = await sources.list_sources(connection, project_id, after=after, limit=limit + 1)
    return SourcePage(*cut(found, limit, lambda source: (source.created_at, source.id)))


@post(
    "/api/v1/projects/{project_id:uuid}/sources",
    summary="Add a source",
    description="For members. Only an admin opens one: `visibility` public, or `remote_models` allow. "
    "`remote_vendors`: where that is allowed, to whom alone; empty for all that the installation has.",
    response_description="The source, and its ETag.",
    tags=["Sources"],
    responses=refusals(404, 409, 413, 415),
)
async def add_source(
    request: Request[Any, Any, Any],
    project_id: FromPath[UUID],
    data: JSONBody[NewSource],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[SourceDetails]:
    """Add a source to a project."""
    values = {
        **msgspec.structs.asdict(data),
        "settings": clean(data.settings, "settings"),
        "remote_vendors": _once_each(data.remote_vendors),
    }
    opens = data.visibility == "public" or data.remote_models == "allow"
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "admin" if opens else "member")
        made = await sources.add_source(connection, project_id, values)
    return tagged(request, made, status_code=201)


@get(
    "/api/v1/projects/{project_id:uuid}/sources/{source_id:uuid}",
    summary="Read a source",
    response_description="The source, and its ETag.",
    tags=["Sources"],
    responses=refusals(404) | UNCHANGED,
)
async def read_source(
    request: Request[Any, Any, Any],
    project_id: FromPath[UUID],
    source_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[SourceDetails]:
    """Read one source."""
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "viewer")
        found = await sources.read_source(connection, project_id, source_id)
    return tagged(request, found)


@patch(
    "/api/v1/projects/{project_id:uuid}/sources/{source_id:uuid}",
    summary="Change a source",
    description="For admins. `kind` and `external_id` stay. What is left out stays as it is.",
    response_description="The source as it is now, and its ETag.",
    tags=["Sources"],
    responses=refusals(404, 412, 413, 415, 428),
)
async def change_source(
    request: Request[Any, Any, Any],
    project_id: FromPath[UUID],
    source_id: FromPath[UUID],
    data: JSONBody[SourceChange],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[SourceDetails]:
    """Change one source."""
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    if data.settings is not UNSET:
        given["settings"] = clean(data.settings, "settings")
    if data.remote_vendors is not UNSET:
        given["remote_vendors"] = _once_each(data.remote_vendors)
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "admin")
        before = await sources.hold_source(connection, project_id, source_id)
        check_if_match(request, before)
        after = msgspec.structs.replace(before, **given)
        if not is_same(after, before):
            after = await sources.change_source(connection, project_id, after)
    return tagged(request, after)


def _once_each(vendors: list[RemoteVendor]) -> list[RemoteVendor]:
    return sorted(set(vendors))


ROUTES = (list_sources, add_source, read_source, change_source)
