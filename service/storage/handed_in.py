"""Interactions as clients hand them in and look after them: once each, page by page, and what rests on them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from service.errors import Conflict, NotFound
from service.storage.database import Connection
from service.storage.interactions import insert_interactions
from service.storage.queries import load
from service.storage.refusals import in_our_words
from service.storage.sources import Source

SQL = load("handed_in")
Row = dict[str, Any]


async def source(connection: Connection, project_id: UUID, source_id: UUID) -> Source:
    """A source of the project; raises NotFound, the same for one that is not there and one of others."""
    cursor = await connection.execute(SQL["source"], {"project_id": project_id, "id": source_id})
    row = await cursor.fetchone()
    if row is None:
        raise _no_source()
    return Source(row["id"], project_id, row["kind"], row["name"], row["visibility"])


async def insert_once(connection: Connection, source: Source, row: Mapping[str, Any]) -> tuple[Row, bool]:
    """Store a redacted revision to be learned from; returns its row without the text, and whether it is new.

    Raises Conflict where the revision is there with another text, NotFound for a source that is gone.
    """
    with in_our_words({"interactions_project_id_source_id_fkey": _no_source()}):
        new = await insert_interactions(connection, source, [row], priority="interactive")
    key = {name: row[name] for name in ("external_key", "revision", "text")}
    cursor = await connection.execute(SQL["of_key"], {**key, "project_id": source.project_id, "source_id": source.id})
    stored = await cursor.fetchone()
    if stored is None:
        raise _no_source()
    if not stored.pop("same"):
        raise Conflict(
            "That revision is there with another text; a revision never changes.",
            fix="Send the text as a new revision.",
        )
    return stored, bool(new)


async def page(
    connection: Connection,
    *,
    project_id: UUID | None,
    source_id: UUID | None,
    kind: str | None,
    state: str | None,
    limit: int,
    after: tuple[datetime, UUID] | None,
) -> list[Row]:
    """Interactions that the caller sees without their texts, the last first; one more than `limit` where there are."""
    moment, last = after or (None, None)
    cursor = await connection.execute(
        SQL["page"],
        {
            "project_id": project_id,
            "source_id": source_id,
            "kind": kind,
            "state": state,
            "limit": limit + 1,
            "moment": moment,
            "last": last,
        },
    )
    return await cursor.fetchall()


async def details(connection: Connection, interaction_id: UUID) -> Row:
    """An interaction with its text and metadata, None while secrets may stand in them; raises NotFound."""
    cursor = await connection.execute(SQL["details"], {"id": interaction_id})
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(
            "There is no such interaction, or not for this caller.", fix="GET /api/v1/interactions lists yours."
        )
    return row


async def resting(connection: Connection, project_id: UUID, interaction_id: UUID) -> list[Row]:
    """The patterns that rest on an interaction, at most 200, by name."""
    cursor = await connection.execute(SQL["resting"], {"project_id": project_id, "id": interaction_id})
    return await cursor.fetchall()


def _no_source() -> NotFound:
    return NotFound(
        "There is no such source, or not for this caller.", fix="GET /api/v1/projects/<id>/sources lists them."
    )
