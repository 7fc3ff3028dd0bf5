"""/api/v1/installation/roles: who runs the installation and who may create projects. For operators."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.problem import refusals
from service.storage import installation
from service.storage.database import Caller
from service.storage.installation import InstallationRole, RoleName, require_operator


class InstallationRolePage(msgspec.Struct, frozen=True):
    """Roles, the oldest first."""

    items: list[InstallationRole]
    next_cursor: str | None


@get(
    "/api/v1/installation/roles",
    summary="List the installation's roles",
    description="For operators: who is one, and who may create projects.",
    response_description="One page of them.",
    tags=["Installation"],
    responses=refusals(),
)
async def list_roles(
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> InstallationRolePage:
    """List who has which role in the installation."""
    after = decode_cursor(cursor, tuple[datetime, UUID, str])
    async with parts.database.writing(caller) as connection:
        await require_operator(connection, caller)
        found = await installation.list_roles(connection, after=after, limit=limit + 1)
    return InstallationRolePage(*cut(found, limit, lambda role: (role.created_at, role.user_id, role.role)))


@put(
    "/api/v1/installation/roles/{user_id:uuid}/{role:str}",
    summary="Give somebody a role",
    description="For operators. Whoever has the role keeps it.",
    response_description="The role.",
    tags=["Installation"],
    responses=refusals(404),
)
async def grant_role(
    user_id: FromPath[UUID],
    role: FromPath[RoleName],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> InstallationRole:
    """Give a person a role in the installation."""
    async with parts.database.writing(caller) as connection:
        await require_operator(connection, caller)
        return await installation.grant_role(connection, user_id, role)


@delete(
    "/api/v1/installation/roles/{user_id:uuid}/{role:str}",
    summary="Take a role from somebody",
    description="For operators. Should none be left: `motif operator grant` where the service runs makes one.",
    response_description="They no longer have it.",
    tags=["Installation"],
    responses=refusals(404),
)
async def revoke_role(
    user_id: FromPath[UUID],
    role: FromPath[RoleName],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> None:
    """Take a role in the installation from a person."""
    async with parts.database.writing(caller) as connection:
        await require_operator(connection, caller)
        await installation.revoke_role(connection, user_id, role)


ROUTES = (list_roles, grant_role, revoke_role)
