"""Members of a project: who is in it and as what. The database keeps it from losing its last admin."""

from datetime import datetime
from uuid import UUID

import msgspec

from service.errors import Conflict, Forbidden, MotifError, NotFound
from service.storage.database import Caller, Connection, only_row
from service.storage.queries import load
from service.storage.refusals import in_our_words
from service.storage.rights import SQL as RIGHTS
from service.storage.rights import MemberRole, is_operator, no_project, require

SQL = load("members")


class Member(msgspec.Struct, frozen=True):
    """A person in a project; people are known by their ids alone."""

    user_id: UUID
    role: MemberRole
    created_at: datetime


async def require_hold(connection: Connection, caller: Caller, project_id: UUID, least: MemberRole) -> None:
    """As `rights.require`, but an operator may see to the members of every project; needs a `writing` transaction."""
    if caller.is_person and await is_operator(connection):
        cursor = await connection.execute(RIGHTS["project_exists"], {"project_id": project_id})
        if await cursor.fetchone() is None:
            raise no_project()
        return
    await require(connection, caller, project_id, least)


async def list_members(
    connection: Connection, project_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Member]:
    """Up to `limit` members after a key, the first to come first."""
    time, last = after or (None, None)
    cursor = await connection.execute(
        SQL["page"], {"project_id": project_id, "after_time": time, "after_user": last, "limit": limit}
    )
    return [Member(**row) for row in await cursor.fetchall()]


async def add_member(connection: Connection, project_id: UUID, user_id: UUID, role: MemberRole) -> Member:
    """Put a person into a project.

    Raises NotFound where nobody has that id (or only a visitor without a name), Conflict for one who is in it.
    """
    violations: dict[str, MotifError] = {
        "project_members_user_id_fkey": _nobody(),
        "project_members_no_visitors": _nobody(),
        "project_members_project_id_user_id_key": Conflict(
            "That person is a member already.", fix="Change their role with PATCH, or `motif members set-role`."
        ),
    }
    with in_our_words(violations):
        cursor = await connection.execute(SQL["add"], {"project_id": project_id, "user_id": user_id, "role": role})
    return Member(**await only_row(cursor))


async def set_role(connection: Connection, project_id: UUID, user_id: UUID, role: MemberRole) -> Member:
    """Give a member another role; raises NotFound, and Conflict where the project would be left without an admin."""
    values = {"project_id": project_id, "user_id": user_id, "role": role}
    with in_our_words({"project_members_last_admin": _last_admin()}):
        await connection.execute(SQL["change"], values)
    row = await (await connection.execute(SQL["one"], values)).fetchone()
    if row is None:
        raise _no_member()
    if row["role"] != role:  # the policies left it as it was: somebody took the caller's own role at this moment
        raise Forbidden("This needs the role admin in the project.", fix="Ask one of its admins.")
    return Member(**row)


async def remove_member(connection: Connection, project_id: UUID, user_id: UUID) -> None:
    """Take a member out of a project; raises NotFound, and Conflict where no admin would be left."""
    with in_our_words({"project_members_last_admin": _last_admin()}):
        cursor = await connection.execute(SQL["remove"], {"project_id": project_id, "user_id": user_id})
    if await cursor.fetchone() is None:
        raise _no_member()


def _nobody() -> MotifError:
    return NotFound("There is no such person.", fix="Use the id of somebody who has signed in.")


def _no_member() -> MotifError:
    return NotFound("There is no such member.", fix="List the project's members to see who is one.")


def _last_admin() -> MotifError:
    return Conflict("A project keeps at least one admin.", fix="Make somebody else an admin first.")
