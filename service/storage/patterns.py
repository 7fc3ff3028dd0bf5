"""Patterns: writing what was consolidated, reading it back."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from service.errors import Conflict, NotFound, RequestInvalid
from service.storage.database import Caller, Connection, only_row
from service.storage.queries import load
from service.storage.refusals import in_our_words

SQL = load("patterns")
Row = dict[str, Any]

SNAPSHOT = ("name", "description", "pattern_type", "content", "scope", "tags", "confidence")
"""What of a pattern a version keeps: its content."""


def author(caller: Caller) -> str:
    """How a version names who made it: `user:<id>`, `agent:<id of its key>`, or `service`."""
    if caller.agent_key is not None:
        return f"agent:{caller.agent_key}"
    return "service" if caller.user_id is None else f"user:{caller.user_id}"


async def lock_project(connection: Connection, project_id: UUID) -> None:
    """Take the project's writing lock until the transaction ends."""
    await connection.execute(SQL["lock_project"], {"project_id": project_id})


async def existing(connection: Connection, project_id: UUID) -> list[Row]:
    """Every pattern of a project with the revisions that show it, for consolidation."""
    cursor = await connection.execute(SQL["existing"], {"project_id": project_id})
    return await cursor.fetchall()


async def insert_patterns(
    connection: Connection, project_id: UUID, rows: Sequence[Mapping[str, Any]], *, created_by: UUID | None
) -> None:
    """Insert patterns (ids given) and an empty row of statistics for each; raises Conflict for a name that is taken."""
    if rows:
        with in_our_words({"patterns_name": _name_taken()}):
            await connection.execute(
                SQL["insert_patterns"], {"project_id": project_id, "rows": Jsonb(list(rows)), "created_by": created_by}
            )


async def update_pattern(connection: Connection, project_id: UUID, row: Mapping[str, Any]) -> int:
    """Give a pattern a better content; returns its new version."""
    cursor = await connection.execute(
        SQL["update_pattern"], {**row, "project_id": project_id, "content": Jsonb(row["content"])}
    )
    updated = await only_row(cursor)
    return int(updated["version"])


async def change(connection: Connection, row: Mapping[str, Any]) -> None:
    """Give a pattern, held by the transaction, what somebody changed of it.

    Raises Conflict for a name that is taken, NotFound where `superseded_by` is no pattern of the project.
    """
    superseding = NotFound("superseded_by is no pattern of the project, or not for this caller.")
    values = {**row, **{name: Jsonb(row[name]) for name in ("content", "quality_metrics", "success_criteria")}}
    with in_our_words({"patterns_name": _name_taken(), "patterns_project_id_superseded_by_fkey": superseding}):
        cursor = await connection.execute(SQL["change"], values)
    if await cursor.fetchone() is None:
        raise NotFound("There is no such pattern, or not for this caller.")


async def activate_recurring(connection: Connection, project_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Make those active that are proposed, and shown by three independent sources; returns them."""
    cursor = await connection.execute(SQL["activate_recurring"], {"project_id": project_id, "ids": list(ids)})
    return {row["id"] for row in await cursor.fetchall()}


async def newest_quotes(connection: Connection, project_id: UUID, pattern_id: UUID, *, limit: int) -> list[str]:
    """The newest quotes of a pattern."""
    cursor = await connection.execute(
        SQL["newest_quotes"], {"project_id": project_id, "id": pattern_id, "limit": limit}
    )
    return [row["quote"] for row in await cursor.fetchall()]


async def insert_versions(
    connection: Connection,
    project_id: UUID,
    versions: Sequence[tuple[int, Mapping[str, Any]]],
    *,
    created_by: str,
    correlation_id: str | None = None,
) -> None:
    """Keep what each pattern's row says as the version of that number."""
    rows = [
        {"pattern_id": row["id"], "number": number, "snapshot": {name: row[name] for name in SNAPSHOT}}
        for number, row in versions
    ]
    if rows:
        await connection.execute(
            SQL["insert_versions"],
            {
                "project_id": project_id,
                "rows": Jsonb(rows),
                "created_by": created_by,
                "correlation_id": correlation_id,
            },
        )


async def insert_evidence(connection: Connection, project_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Quotes with their offsets; the database refuses one that does not stand in its interaction."""
    if rows:
        await connection.execute(SQL["insert_evidence"], {"project_id": project_id, "rows": Jsonb(list(rows))})


async def insert_relationships(connection: Connection, project_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Relations between patterns of the project."""
    if rows:
        await connection.execute(SQL["insert_relationships"], {"project_id": project_id, "rows": Jsonb(list(rows))})


async def page(
    connection: Connection, *, project_id: UUID | None, status: str | None, pattern_type: str | None, limit: int
) -> list[Row]:
    """Patterns the caller sees, the most certain first."""
    cursor = await connection.execute(
        SQL["page"], {"project_id": project_id, "status": status, "pattern_type": pattern_type, "limit": limit}
    )
    return await cursor.fetchall()


async def find(connection: Connection, name_or_id: str, *, project_id: UUID | None) -> Row:
    """The one pattern of that id, name, beginning of an id (4 characters or more) or part of a name.

    Raises NotFound, or RequestInvalid when several fit.
    """
    prefix = name_or_id.lower().replace("%", "").replace("_", "")
    cursor = await connection.execute(
        SQL["find"],
        {"project_id": project_id, "prefix": f"{prefix}%" if len(prefix) >= 4 else "-", "name": name_or_id},
    )
    rows = await cursor.fetchall()
    if not rows:
        raise NotFound(f"There is no pattern {name_or_id!r}.", fix="`motif patterns list` shows them.")
    fitting = [row for row in rows if row.pop("exact")] or rows
    if len(fitting) > 1:
        fits = ", ".join(f"{str(row['pattern_id'])[:8]} {row['name']!r} ({row['project']})" for row in fitting[:3])
        raise RequestInvalid(f"Several patterns fit {name_or_id!r}: {fits}.", fix="Use the id, or --project.")
    return fitting[0]


async def with_parts(connection: Connection, row: Row) -> Row:
    """A row of `find` with its evidence, relationships, versions and statistics."""
    owner, pattern_id = row["project_id"], row["pattern_id"]
    return {
        **row,
        "evidence": (await evidence(connection, [pattern_id], project_id=owner)).get(pattern_id, []),
        "relationships": await relationships(connection, owner, pattern_id),
        "versions": await versions(connection, owner, pattern_id),
        "stats": await stats(connection, owner, pattern_id),
    }


async def export(connection: Connection, *, project_id: UUID | None) -> list[Row]:
    """Every pattern the caller sees, whole, in a fixed order."""
    cursor = await connection.execute(SQL["export"], {"project_id": project_id})
    return await cursor.fetchall()


async def evidence(
    connection: Connection, ids: Sequence[UUID], *, project_id: UUID | None = None
) -> dict[UUID, list[Row]]:
    """All evidence of some patterns, oldest first; `source` is the external key."""
    cursor = await connection.execute(SQL["evidence"], {"ids": list(ids), "project_id": project_id})
    found: dict[UUID, list[Row]] = {}
    for row in await cursor.fetchall():
        found.setdefault(row.pop("pattern_id"), []).append(row)
    return found


async def relationships(connection: Connection, project_id: UUID, pattern_id: UUID) -> list[Row]:
    """What a pattern is related to, the strongest first."""
    cursor = await connection.execute(SQL["relationships"], {"project_id": project_id, "id": pattern_id})
    return await cursor.fetchall()


async def versions(connection: Connection, project_id: UUID, pattern_id: UUID) -> list[Row]:
    """A pattern's versions, newest first."""
    cursor = await connection.execute(SQL["versions"], {"project_id": project_id, "id": pattern_id})
    return await cursor.fetchall()


async def stats(connection: Connection, project_id: UUID, pattern_id: UUID) -> Row | None:
    """How a pattern has fared, if it may be seen."""
    cursor = await connection.execute(SQL["stats"], {"project_id": project_id, "id": pattern_id})
    return await cursor.fetchone()


def _name_taken() -> Conflict:
    return Conflict(
        "A proposed or active pattern of the project has that name.", fix="Take another one, or change that pattern."
    )
