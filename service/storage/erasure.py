"""Erasure in the database: its functions decide who may, and take everything along. Nothing else deletes content."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from service.storage.database import Connection, only_row
from service.storage.queries import load

SQL = load("erasure")
Row = dict[str, Any]

Erasable = Literal["pattern", "source", "person", "project"]


class Erased(msgspec.Struct, frozen=True):
    """Rows that went and rows that were changed, by table; `rewritten`: patterns that are to be indexed again."""

    removed: dict[str, int]
    changed: dict[str, int]
    rewritten: tuple[UUID, ...] = ()


async def erase_pattern(connection: Connection, project_id: UUID, pattern_id: UUID) -> Erased | None:
    """None where there is no such pattern. All of these raise psycopg's InsufficientPrivilege where they may not."""
    return await _erase(connection, "erase_pattern", project_id=project_id, pattern_id=pattern_id)


async def erase_source(connection: Connection, project_id: UUID, source_id: UUID) -> Erased | None:
    """None where there is no such source."""
    return await _erase(connection, "erase_source", project_id=project_id, source_id=source_id)


async def erase_person(connection: Connection, project_id: UUID, who: str) -> Erased | None:
    """`who`: a user's id, an address or an author key; None where there is no such project."""
    return await _erase(connection, "erase_person", project_id=project_id, who=who)


async def erase_project(connection: Connection, project_id: UUID) -> Erased | None:
    """None where there is no such project."""
    return await _erase(connection, "erase_project", project_id=project_id)


async def erase_me(connection: Connection) -> list[tuple[UUID, Erased]]:
    """The caller's own data, by project."""
    cursor = await connection.execute(SQL["erase_me"])
    return [(row["project_id"], _erased(row["erased"])) for row in await cursor.fetchall()]


async def erase_expired(connection: Connection, most: int) -> tuple[UUID, UUID, Erased] | None:
    """At most so many interactions of one source that kept them for too long: project, source, what went."""
    cursor = await connection.execute(SQL["erase_expired"], {"most": most})
    row = await cursor.fetchone()
    return (row["project_id"], row["source_id"], _erased(row["erased"])) if row else None


async def become_service(connection: Connection) -> None:
    """Carry out the rest of the transaction as the service: what was decided as the caller needs no other right."""
    await connection.execute(SQL["become_service"])


async def indexable(connection: Connection, project_id: UUID, ids: Sequence[UUID]) -> list[Row]:
    """Patterns with what they are found by."""
    cursor = await connection.execute(SQL["indexable"], {"project_id": project_id, "ids": list(ids)})
    return await cursor.fetchall()


async def defer_scrub(connection: Connection, wait_s: float) -> None:
    """Have freed pages rewritten after so many seconds, unless a job for it waits already."""
    await connection.execute(SQL["defer_scrub"], {"wait_s": wait_s})


async def drop_waiting_scrubs(connection: Connection) -> None:
    """Forget the jobs that a scrub which begins now does as well."""
    await connection.execute(SQL["drop_waiting_scrubs"])


async def moment(connection: Connection) -> datetime:
    """When the transaction began, by the database's clock."""
    row = await only_row(await connection.execute(SQL["at"]))
    return row["at"]


async def foresee(connection: Connection, what: Erasable, project_id: UUID, target: UUID | str) -> dict[str, int]:
    """Rows that an erasure would take or rewrite, by table, as far as somebody has to know who confirms it."""
    values = {"project_id": project_id, "who" if what == "person" else "id": target}
    return await only_row(await connection.execute(SQL[f"count_{what}"], values))


async def _erase(connection: Connection, query: str, **values: object) -> Erased | None:
    row = await only_row(await connection.execute(SQL[query], values))
    return _erased(row["erased"]) if row["erased"] is not None else None


def _erased(told: object) -> Erased:
    return msgspec.convert(told, Erased)
