"""/api/v1/projects: the caller's projects; for operators, that each is there."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from service.api.etag import UNCHANGED, check_if_match, is_same, tagged
from service.api.free_json import FreeJson, clean
from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.problem import refusals
from service.api.texts import Name
from service.storage import projects
from service.storage.database import Caller
from service.storage.installation import require_operator
from service.storage.projects import ListedProject, ProjectDetails
from service.storage.rights import require


class NewProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project to be made."""

    name: Name


class ProjectChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays. `settings` are given whole."""

    name: Name | UnsetType = UNSET
    settings: FreeJson | UnsetType = UNSET


class ProjectPage(msgspec.Struct, frozen=True):
    """Projects, the oldest first."""

    items: list[ListedProject]
    next_cursor: str | None


@get(
    "/api/v1/projects",
    summary="List projects",
    description="The projects that the caller is in. An operator may ask for `all`: ids, names and counts of members, "
    "never what they hold.",
    response_description="One page of them.",
    tags=["Projects"],
    responses=refusals(),
)
async def list_projects(
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    all: Annotated[  # noqa: A002 - the parameter's name in the address
        bool, QueryParameter(description="Every project of the installation; for operators.")
    ] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ProjectPage:
    """List the caller's projects, or all."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with parts.database.writing(caller) as connection:
        if all:
            await require_operator(connection, caller)
        every = all or caller.user_id is None
        found = await projects.list_projects(connection, every=every, after=after, limit=limit + 1)
    return ProjectPage(*cut(found, limit, lambda project: (project.created_at, project.id)))


@post(
    "/api/v1/projects",
    summary="Make a project",
    description="The caller becomes its admin. It needs the installation's role `project_creator` or `operator`.",
    response_description="The project, and its ETag.",
    tags=["Projects"],
    responses=refusals(409, 413, 415),
)
async def create_project(
    request: Request[Any, Any, Any],
    data: JSONBody[NewProject],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[ProjectDetails]:
    """Make a project as the caller."""
    async with parts.database.writing(caller) as connection:
        made = await projects.open_project(connection, caller, data.name)
    return tagged(request, made, status_code=201)


@get(
    "/api/v1/projects/{project_id:uuid}",
    summary="Read a project",
    response_description="The project, and its ETag.",
    tags=["Projects"],
    responses=refusals(404) | UNCHANGED,
)
async def read_project(
    request: Request[Any, Any, Any],
    project_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[ProjectDetails]:
    """Read a project that the caller is in."""
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "viewer")
        found = await projects.read_project(connection, project_id)
    return tagged(request, found)


@patch(
    "/api/v1/projects/{project_id:uuid}",
    summary="Change a project",
    description="For its admins. What is left out stays as it is; `settings` are given whole.",
    response_description="The project as it is now, and its ETag.",
    tags=["Projects"],
    responses=refusals(404, 409, 412, 413, 415, 428),
)
async def change_project(
    request: Request[Any, Any, Any],
    project_id: FromPath[UUID],
    data: JSONBody[ProjectChange],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[ProjectDetails]:
    """Change a project that the caller administers."""
    given: dict[str, Any] = {}
    if data.name is not UNSET:
        given["name"] = data.name
    if data.settings is not UNSET:
        given["settings"] = clean(data.settings, "settings")
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "admin")
        before = await projects.hold_project(connection, project_id)
        check_if_match(request, before)
        after = msgspec.structs.replace(before, **given)
        if not is_same(after, before):
            after = await projects.change_project(connection, after)
    return tagged(request, after)


ROUTES = (list_projects, create_project, read_project, change_project)
