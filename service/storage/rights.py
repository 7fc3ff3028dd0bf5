"""What a caller may do in a project, said clearly: the policies only ever refuse, these say why."""

from typing import Literal
from uuid import UUID

from service.errors import Forbidden, NotFound
from service.storage.database import Caller, Connection
from service.storage.queries import load

SQL = load("rights")

MemberRole = Literal["viewer", "member", "admin"]
_RANKS: dict[str, int] = {"viewer": 0, "member": 1, "admin": 2}


async def role_in(connection: Connection, project_id: UUID) -> MemberRole | None:
    """The caller's role in a project as the policies see it; None for a project that they are not in."""
    cursor = await connection.execute(SQL["role_in"], {"project_id": project_id})
    row = await cursor.fetchone()
    return row["role"] if row else None


async def require(connection: Connection, caller: Caller, project_id: UUID, least: MemberRole) -> None:
    """Raise NotFound for a project that the caller is not in, Forbidden where their role is below `least`.

    The service itself passes for every project that there is.
    """
    if caller.user_id is None:
        cursor = await connection.execute(SQL["project_exists"], {"project_id": project_id})
        if await cursor.fetchone() is None:
            raise no_project()
        return
    role = await role_in(connection, project_id)
    if role is None:
        raise no_project()
    if _RANKS[role] < _RANKS[least]:
        asked = f"an agent's key that counts as {role}" if caller.agent_key else f"the role {role}"
        writes = caller.agent_key and least == "member"
        raise Forbidden(
            f"This needs the role {least} in the project; {asked} is not enough.",
            fix="Use a key with the scope write, made by a member." if writes else "Ask one of its admins.",
        )


async def is_operator(connection: Connection) -> bool:
    """Whether the caller is an operator of the installation; needs a `writing` transaction."""
    cursor = await connection.execute(SQL["is_operator"])
    row = await cursor.fetchone()
    return bool(row and row["operator"])


def no_project() -> NotFound:
    """The same answer for a project that is not there and for one of others."""
    return NotFound("There is no such project, or not for this caller.", fix="List the projects to see yours.")
