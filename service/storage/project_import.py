"""Writing a project's lines as they come; a line that Postgres refuses is found and named."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from service.storage.database import Connection
from service.storage.queries import load

SQL = load("project_import")
Row = Mapping[str, Any]


class RowRefused(Exception):
    """Postgres refuses one of the rows: its place among them, and the rule that it breaks."""

    def __init__(self, place: int, rule: str) -> None:
        super().__init__(f"row {place}: {rule}")
        self.place = place
        self.rule = rule


async def keep_settings(connection: Connection, project_id: UUID, settings: Row) -> None:
    """The settings of a project that was just made."""
    await connection.execute(SQL["settings"], {"project_id": project_id, "settings": Jsonb(dict(settings))})


async def insert_rows(connection: Connection, kind: str, project_id: UUID, rows: Sequence[Row]) -> None:
    """Write rows of one kind, named as the lines are; raises RowRefused for the first that cannot be."""
    try:
        async with connection.transaction():
            await _insert(connection, kind, project_id, rows)
            return
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        if len(rows) == 1:
            raise RowRefused(0, _rule(error)) from None
    for place, row in enumerate(rows):
        try:
            async with connection.transaction():
                await _insert(connection, kind, project_id, [row])
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise RowRefused(place, _rule(error)) from None


async def _insert(connection: Connection, kind: str, project_id: UUID, rows: Sequence[Row]) -> None:
    await connection.execute(SQL[kind], {"project_id": project_id, "rows": Jsonb([dict(row) for row in rows])})


def _rule(error: psycopg.Error) -> str:
    """No message: it may quote the row."""
    return error.diag.constraint_name or error.diag.column_name or type(error).__name__
