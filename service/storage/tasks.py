"""Tasks and their kept answers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from routing.task import Task
from service.storage.database import Connection
from service.storage.queries import load

SQL = load("tasks")
Row = dict[str, Any]


async def insert_tasks(connection: Connection, project_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep done tasks: interaction_id, type, prompt_version, input_hash, complexity, decision, reason, answer."""
    if rows:
        await connection.execute(SQL["insert_tasks"], {"project_id": project_id, "rows": Jsonb(list(rows))})


async def kept(connection: Connection, task: Task) -> Row | None:
    """What a model answered when the same was asked before: decision, reason, explanation, answer; None if none did."""
    cursor = await connection.execute(
        SQL["kept"],
        {
            "project_id": task.project_id,
            "type": task.type.value,
            "prompt_version": task.prompt_version,
            "input_hash": task.input_hash,
        },
    )
    return await cursor.fetchone()


async def keep(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep tasks as they ended, by columns; one that a model answered stays, and of what was erased nothing is kept."""
    if rows:
        await connection.execute(SQL["keep"], {"rows": Jsonb(list(rows))})


async def of_interaction(
    connection: Connection, project_id: UUID, interaction_id: UUID, hashes: Collection[str]
) -> list[Row]:
    """The tasks of an interaction, and those that asked the same of another one (`hashes`), oldest first."""
    cursor = await connection.execute(
        SQL["of_interaction"], {"project_id": project_id, "interaction_id": interaction_id, "hashes": list(hashes)}
    )
    return await cursor.fetchall()
