"""The installation's own roles: operators, and who may create projects."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from service.errors import Forbidden, NotFound
from service.storage.database import Caller, Connection, only_row
from service.storage.queries import load
from service.storage.refusals import in_our_words
from service.storage.rights import MemberRole, is_operator

SQL = load("installation")

RoleName = Literal["operator", "project_creator"]


class InstallationRole(msgspec.Struct, frozen=True):
    """A person's role in the installation. An operator stands above projects and sees no content."""

    user_id: UUID
    role: RoleName
    created_at: datetime


class Powers(msgspec.Struct, frozen=True):
    """What a caller may do in the installation, whatever the project."""

    operator: bool
    may_create_projects: bool


class MyProject(msgspec.Struct, frozen=True):
    """A project that the caller is in, and as what."""

    id: UUID
    name: str
    role: MemberRole


async def require_operator(connection: Connection, caller: Caller) -> None:
    """Raise Forbidden unless the caller is an operator or the service itself; needs a `writing` transaction."""
    if caller.user_id is None or (caller.is_person and await is_operator(connection)):
        return
    raise Forbidden("This is for operators of the installation.", fix="Ask one of them.")


async def list_roles(
    connection: Connection, *, after: tuple[datetime, UUID, str] | None, limit: int
) -> list[InstallationRole]:
    """Up to `limit` roles after a key, the oldest first."""
    time, user, role = after or (None, None, None)
    cursor = await connection.execute(
        SQL["page"], {"after_time": time, "after_user": user, "after_role": role, "limit": limit}
    )
    return [InstallationRole(**row) for row in await cursor.fetchall()]


async def grant_role(connection: Connection, user_id: UUID, role: RoleName) -> InstallationRole:
    """Give a person a role; who has it keeps it. Raises NotFound where nobody has that id."""
    nobody = NotFound("There is no such person.", fix="Use the id of somebody who has signed in.")
    values = {"user_id": user_id, "role": role}
    with in_our_words({"installation_roles_user_id_fkey": nobody}):
        await connection.execute(SQL["grant"], values)
    return InstallationRole(**await only_row(await connection.execute(SQL["one"], values)))


async def revoke_role(connection: Connection, user_id: UUID, role: RoleName) -> None:
    """Take a role from a person; raises NotFound for one who does not have it."""
    cursor = await connection.execute(SQL["revoke"], {"user_id": user_id, "role": role})
    if await cursor.fetchone() is None:
        raise NotFound(
            "That person does not have the role.",
            fix="`motif operator list` shows who has one (GET /api/v1/installation/roles).",
        )


async def powers(connection: Connection) -> Powers:
    """What the transaction's caller may do in the installation; for people and agents, in a `writing` transaction."""
    return Powers(**await only_row(await connection.execute(SQL["powers"])))


async def my_projects(connection: Connection, *, limit: int) -> list[MyProject]:
    """The first `limit` projects of the transaction's caller by name, with their role."""
    cursor = await connection.execute(SQL["my_projects"], {"limit": limit})
    return [MyProject(**row) for row in await cursor.fetchall()]
