"""Projects and their sources."""

from uuid import UUID

import msgspec

from service.errors import Conflict, NotFound, RequestInvalid
from service.storage.database import Caller, Connection, only_row
from service.storage.queries import load

SQL = load("projects")

LONGEST_NAME = 200


class Project(msgspec.Struct, frozen=True):
    """A tenant."""

    id: UUID
    name: str


class Source(msgspec.Struct, frozen=True):
    """Where a project's interactions come from; `visibility` is "public" or "private"."""

    id: UUID
    project_id: UUID
    kind: str
    name: str
    visibility: str = "private"


async def visible_projects(connection: Connection) -> list[Project]:
    """The projects that the transaction's caller may see, by name."""
    cursor = await connection.execute(SQL["visible_projects"])
    return [Project(row["id"], row["name"]) for row in await cursor.fetchall()]


async def project_named(connection: Connection, name: str) -> Project:
    """The caller's project of that name; NotFound names the ones there are."""
    projects = await visible_projects(connection)
    for project in projects:
        if project.name == name:
            return project
    known = ", ".join(p.name for p in projects[:10])
    raise NotFound(
        f"There is no project named {name!r}.",
        fix=f"Projects: {known}." if known else "Run `motif mine` in a repository first.",
    )


async def create_project(connection: Connection, caller: Caller, name: str) -> Project:
    """The caller's project of that name, made with the caller as its admin if it is new.

    Raises RequestInvalid for a name that is blank or over 200 characters, Conflict where the caller made one but may
    not write to it any more.
    """
    if not name.strip() or len(name) > LONGEST_NAME:
        raise RequestInvalid(f"A project's name has 1 to {LONGEST_NAME} characters.", fix="Give one with --project.")
    cursor = await connection.execute(SQL["create_project"], {"name": name, "user_id": caller.user_id})
    row = await cursor.fetchone()
    if row is None:
        cursor = await connection.execute(SQL["own_project"], {"name": name, "user_id": caller.user_id})
        row = await only_row(cursor)
        if row["role"] not in {"admin", "member"}:
            raise Conflict(
                f"You are no longer a member of the project {name!r}, or may only read it.",
                fix="Ask one of its admins, or use another name with --project.",
            )
    return Project(row["id"], row["name"])


async def create_source(connection: Connection, project: Project, kind: str, name: str, external_id: str) -> Source:
    """The project's source with that external id, made if it is new."""
    cursor = await connection.execute(
        SQL["create_source"], {"project_id": project.id, "kind": kind, "name": name, "external_id": external_id}
    )
    row = await only_row(cursor)
    return Source(row["id"], project.id, kind, name, row["visibility"])


async def user_exists(connection: Connection, caller: Caller) -> bool:
    """Whether the caller stands in auth.users; needs a role that may read it."""
    cursor = await connection.execute(SQL["user_exists"], {"user_id": caller.user_id})
    row = await cursor.fetchone()
    return bool(row and row["found"])


async def repositories(connection: Connection, project: Project) -> dict[str, str]:
    """The project's repositories: external id -> name."""
    cursor = await connection.execute(SQL["repositories"], {"project_id": project.id})
    return {row["external_id"]: row["name"] for row in await cursor.fetchall()}
