"""Sources: where a project's interactions come from, and what may be done with what comes from there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from service.errors import Conflict, NotFound
from service.storage.database import Connection, only_row
from service.storage.projects import Project
from service.storage.queries import load
from service.storage.refusals import in_our_words

SQL = load("sources")

SourceKind = Literal["repository", "folder", "chat", "import"]
Visibility = Literal["public", "private"]
RemoteModels = Literal["allow", "deny"]
RemoteVendor = Literal["ollama", "anthropic", "openai", "compatible"]


class Source(msgspec.Struct, frozen=True):
    """Where a project's interactions come from; `visibility` is "public" or "private"."""

    id: UUID
    project_id: UUID
    kind: str
    name: str
    visibility: str = "private"


class SourceDetails(msgspec.Struct, frozen=True):
    """A source with all that is set for it.

    `remote_models`: whether its texts may leave for a model elsewhere. `remote_vendors`: to whom alone, where they may;
    empty for all that are configured. `retention_days`: how long interactions are kept; null: as long as the project.
    """

    id: UUID
    kind: SourceKind
    name: str
    external_id: str
    visibility: Visibility
    remote_models: RemoteModels
    remote_vendors: list[RemoteVendor]
    retention_days: int | None
    settings: dict[str, Any]
    created_at: datetime


async def create_source(connection: Connection, project: Project, kind: str, name: str, external_id: str) -> Source:
    """The project's source with that external id, made if it is new."""
    cursor = await connection.execute(
        SQL["create_source"], {"project_id": project.id, "kind": kind, "name": name, "external_id": external_id}
    )
    row = await only_row(cursor)
    return Source(row["id"], project.id, kind, name, row["visibility"])


async def repositories(connection: Connection, project: Project) -> dict[str, str]:
    """The project's repositories: external id -> name."""
    cursor = await connection.execute(SQL["repositories"], {"project_id": project.id})
    return {row["external_id"]: row["name"] for row in await cursor.fetchall()}


async def add_source(connection: Connection, project_id: UUID, values: Mapping[str, Any]) -> SourceDetails:
    """A new source of these columns; raises Conflict where the project has one of that kind and external id."""
    taken = Conflict("The project has a source of that kind and external_id already.", fix="Change that one.")
    with in_our_words({"sources_project_id_kind_external_id_key": taken}):
        cursor = await connection.execute(
            SQL["add"], {**values, "project_id": project_id, "settings": Jsonb(values["settings"])}
        )
    return SourceDetails(**await only_row(cursor))


async def list_sources(
    connection: Connection, project_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[SourceDetails]:
    """Up to `limit` of a project's sources after a key, the oldest first."""
    time, last = after or (None, None)
    cursor = await connection.execute(
        SQL["page"], {"project_id": project_id, "after_time": time, "after_id": last, "limit": limit}
    )
    return [SourceDetails(**row) for row in await cursor.fetchall()]


async def read_source(connection: Connection, project_id: UUID, source_id: UUID) -> SourceDetails:
    """A source that the caller sees; raises NotFound."""
    return await _one(connection, SQL["one"], {"project_id": project_id, "source_id": source_id})


async def hold_source(connection: Connection, project_id: UUID, source_id: UUID) -> SourceDetails:
    """The same, held so that nobody changes it before the transaction ends; for the project's admins."""
    return await _one(connection, SQL["hold"], {"project_id": project_id, "source_id": source_id})


async def change_source(connection: Connection, project_id: UUID, source: SourceDetails) -> SourceDetails:
    """Give a held source what stands in `source`; its kind and external id stay."""
    values = msgspec.structs.asdict(source)
    return await _one(
        connection,
        SQL["change"],
        {**values, "project_id": project_id, "source_id": source.id, "settings": Jsonb(source.settings)},
    )


async def _one(connection: Connection, query: Any, values: Mapping[str, Any]) -> SourceDetails:
    row = await (await connection.execute(query, values)).fetchone()
    if row is None:
        raise NotFound(
            "There is no such source, or not for this caller.",
            fix="`motif sources list --project NAME` lists a project's (GET /api/v1/projects/<id>/sources).",
        )
    return SourceDetails(**row)
