"""/api/v1/projects/{project_id}/members: who is in a project and as what. Operators may put it right too."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.problem import refusals
from service.storage import members
from service.storage.database import Caller
from service.storage.members import Member, require_hold
from service.storage.rights import MemberRole


class NewMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person, by the id that they sign in with, and as what they are to be in the project."""

    user_id: UUID
    role: MemberRole = "member"


class MemberChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another role."""

    role: MemberRole


class MemberPage(msgspec.Struct, frozen=True):
    """Members, the first to come first."""

    items: list[Member]
    next_cursor: str | None


@get(
    "/api/v1/projects/{project_id:uuid}/members",
    summary="List members",
    response_description="One page of them.",
    tags=["Members"],
    responses=refusals(404),
)
async def list_members(
    project_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> MemberPage:
    """List a project's members."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with parts.database.writing(caller) as connection:
        await require_hold(connection, caller, project_id, "viewer")
        found = await members.list_members(connection, project_id, after=after, limit=limit + 1)
    return MemberPage(*cut(found, limit, lambda member: (member.created_at, member.user_id)))


@post(
    "/api/v1/projects/{project_id:uuid}/members",
    summary="Add a member",
    description="For admins and operators.",
    response_description="The member.",
    tags=["Members"],
    responses=refusals(404, 409, 413, 415),
)
async def add_member(
    project_id: FromPath[UUID],
    data: JSONBody[NewMember],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Member:
    """Put a person into a project."""
    async with parts.database.writing(caller) as connection:
        await require_hold(connection, caller, project_id, "admin")
        return await members.add_member(connection, project_id, data.user_id, data.role)


@patch(
    "/api/v1/projects/{project_id:uuid}/members/{user_id:uuid}",
    summary="Change a member's role",
    description="For admins and operators. The last admin stays one.",
    response_description="The member.",
    tags=["Members"],
    responses=refusals(404, 409, 413, 415),
)
async def change_member(
    project_id: FromPath[UUID],
    user_id: FromPath[UUID],
    data: JSONBody[MemberChange],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Member:
    """Give a member another role."""
    async with parts.database.writing(caller) as connection:
        await require_hold(connection, caller, project_id, "admin")
        return await members.set_role(connection, project_id, user_id, data.role)


@delete(
    "/api/v1/projects/{project_id:uuid}/members/{user_id:uuid}",
    summary="Remove a member",
    description="For admins and operators; everybody may leave. The keys that the member made for the project go too. "
    "The last admin stays.",
    response_description="They are out.",
    tags=["Members"],
    responses=refusals(404, 409),
)
async def remove_member(
    project_id: FromPath[UUID],
    user_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> None:
    """Take a member out of a project, or leave it."""
    leaves = caller.is_person and user_id == caller.user_id
    async with parts.database.writing(caller) as connection:
        await require_hold(connection, caller, project_id, "viewer" if leaves else "admin")
        await members.remove_member(connection, project_id, user_id)


ROUTES = (list_members, add_member, change_member, remove_member)
