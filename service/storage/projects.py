"""Projects: finding them by name or id, and making them."""

import unicodedata
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from service.errors import Conflict, Forbidden, MotifError, NotFound, RequestInvalid
from service.storage.database import Caller, Connection, only_row
from service.storage.queries import load
from service.storage.refusals import in_our_words
from service.storage.rights import MemberRole, no_project

SQL = load("projects")

LONGEST_NAME = 200


class Project(msgspec.Struct, frozen=True):
    """A tenant."""

    id: UUID
    name: str


class ListedProject(msgspec.Struct, frozen=True):
    """A project in a list: `role` is the caller's own, null in one that they are not in; `members` counts people."""

    id: UUID
    name: str
    role: MemberRole | None
    created_at: datetime
    members: int


class ProjectDetails(msgspec.Struct, frozen=True):
    """A project as it is changed: its name, and settings that are free to be anything."""

    id: UUID
    name: str
    settings: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def check_name(name: str) -> None:
    """Raise RequestInvalid for what is no name of a project."""
    if not name.strip() or len(name) > LONGEST_NAME or any(unicodedata.category(one) == "Cc" for one in name):
        raise RequestInvalid(
            f"A project's name has 1 to {LONGEST_NAME} characters, all of one line.", fix="Choose another name."
        )


async def visible_projects(connection: Connection) -> list[Project]:
    """The projects that the transaction's caller may see, by name."""
    cursor = await connection.execute(SQL["visible_projects"])
    return [Project(row["id"], row["name"]) for row in await cursor.fetchall()]


async def project_named(connection: Connection, name_or_id: str) -> Project:
    """The one project of that id or name that the transaction's caller may see.

    Raises NotFound, which names the ones there are, or RequestInvalid where several have the name.
    """
    projects = await visible_projects(connection)
    wanted = as_id(name_or_id)
    found = _only([project for project in projects if project.id == wanted], name_or_id) or _only(
        [project for project in projects if project.name == name_or_id], name_or_id
    )
    if found is not None:
        return found
    known = ", ".join(p.name for p in projects[:10])
    raise NotFound(
        f"There is no project named {name_or_id!r}.",
        fix=f"Projects: {known}." if known else "Run `motif mine` in a repository first.",
    )


async def create_project(connection: Connection, caller: Caller, name_or_id: str, *, chosen: bool = True) -> Project:
    """The project of that name or id that the caller is in, or one made with the caller as its admin.

    For the service's own transactions: no permission is asked for. `chosen`: the caller named it, rather than a folder
    that happens to be called so. Raises RequestInvalid for a name that is blank, over 200 characters, or that several
    have, NotFound for an id of none, Conflict where the caller made one but may not write to it any more, or was put
    into somebody else's and did not choose it.
    """
    check_name(name_or_id)
    project = await _joined(connection, caller, name_or_id, chosen=chosen)
    if project is not None:
        return project
    if as_id(name_or_id) is not None:
        raise no_project()  # a mistyped id is to make no project of that name
    cursor = await connection.execute(SQL["create_project"], {"name": name_or_id, "user_id": caller.user_id})
    row = await cursor.fetchone()
    if row is not None:
        return Project(row["id"], row["name"])
    # Somebody made it meanwhile as the same person, or the caller is no longer in it.
    project = await _joined(connection, caller, name_or_id, chosen=chosen)
    if project is None:
        raise _not_for_writing(name_or_id)
    return project


async def open_project(connection: Connection, caller: Caller, name: str) -> ProjectDetails:
    """Make a project whose admin is the caller; needs a `writing` transaction.

    Raises Forbidden without the permission, Conflict where the caller has made one of that name before.
    """
    if caller.user_id is None:
        raise Forbidden("A project's first admin is a person.", fix="Ask with a person's token.")
    allowed = await only_row(await connection.execute(SQL["may_create"]))
    if not allowed["allowed"]:
        raise Forbidden(
            "Creating a project needs permission.",
            fix="Ask an operator: PUT /api/v1/installation/roles/<your id>/project_creator, "
            "or `motif operator grant <your id> --project-creator`.",
        )
    with in_our_words({"projects_created_by_name_key": _taken(name)}):
        made = await only_row(await connection.execute(SQL["open_project"], {"name": name}))
    return await read_project(connection, made["id"])


async def list_projects(
    connection: Connection, *, every: bool, after: tuple[datetime, UUID] | None, limit: int
) -> list[ListedProject]:
    """Up to `limit` projects after a key, the oldest first: the caller's, or with `every` all that they may see.

    In a `writing` transaction an operator may see that each is there.
    """
    time, last = after or (None, None)
    cursor = await connection.execute(SQL["mine"], {"all": every, "after_time": time, "after_id": last, "limit": limit})
    return [ListedProject(**row) for row in await cursor.fetchall()]


async def read_project(connection: Connection, project_id: UUID) -> ProjectDetails:
    """A project that the caller sees; raises NotFound."""
    return await _details(connection, SQL["one"], project_id)


async def hold_project(connection: Connection, project_id: UUID) -> ProjectDetails:
    """The same, held so that nobody changes it before the transaction ends; for its admins."""
    return await _details(connection, SQL["hold"], project_id)


async def change_project(connection: Connection, project: ProjectDetails) -> ProjectDetails:
    """Give a held project the name and the settings of `project`; raises Conflict for a name that is taken."""
    values = {"project_id": project.id, "name": project.name, "settings": Jsonb(project.settings)}
    with in_our_words({"projects_created_by_name_key": _taken(project.name)}):
        cursor = await connection.execute(SQL["change"], values)
    row = await cursor.fetchone()
    if row is None:
        raise no_project()
    return ProjectDetails(**row)


async def user_exists(connection: Connection, caller: Caller) -> bool:
    """Whether the caller stands in auth.users; needs a role that may read it."""
    cursor = await connection.execute(SQL["user_exists"], {"user_id": caller.user_id})
    row = await cursor.fetchone()
    return bool(row and row["found"])


def as_id(text: str) -> UUID | None:
    """The id that a text is, as ids are written here; None for any other text."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


async def _joined(connection: Connection, caller: Caller, name_or_id: str, *, chosen: bool) -> Project | None:
    wanted = as_id(name_or_id)
    cursor = await connection.execute(
        SQL["joined_projects"], {"user_id": caller.user_id, "name": name_or_id, "id": wanted}
    )
    rows = await cursor.fetchall()
    exact = [row for row in rows if row["id"] == wanted] or rows
    found = _only([Project(row["id"], row["name"]) for row in exact], name_or_id)
    if found is not None and exact[0]["role"] not in {"admin", "member"}:
        raise _not_for_writing(name_or_id)
    if found is not None and not chosen and not exact[0]["own"]:
        # Or whoever guesses a repository's name could have it handed to them, by putting its owner into such a project.
        raise Conflict(
            f"The project {found.name!r} that you are in was made by somebody else.",
            fix=f"To hand this over to its members, say so with --project {found.id}; else give another name.",
        )
    return found


def _only(fitting: list[Project], name_or_id: str) -> Project | None:
    if len(fitting) > 1:
        raise RequestInvalid(
            f"Several projects are named {name_or_id!r}: {', '.join(str(one.id) for one in fitting[:5])}.",
            fix="Give the id in its place.",
        )
    return fitting[0] if fitting else None


async def _details(connection: Connection, query: Any, project_id: UUID) -> ProjectDetails:
    row = await (await connection.execute(query, {"project_id": project_id})).fetchone()
    if row is None:
        raise no_project()
    return ProjectDetails(**row)


def _taken(name: str) -> MotifError:
    return Conflict(f"There is a project named {name!r} already, made by the same person.", fix="Choose another name.")


def _not_for_writing(name: str) -> MotifError:
    return Conflict(
        f"You are no longer a member of the project {name!r}, or may only read it.",
        fix="Ask one of its admins, or use another name with --project.",
    )
