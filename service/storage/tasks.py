"""Tasks and their kept answers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from service.storage.database import Connection
from service.storage.queries import load

SQL = load("tasks")


async def insert_tasks(connection: Connection, project_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep done tasks: interaction_id, type, prompt_version, input_hash, complexity, decision, reason, answer."""
    if rows:
        await connection.execute(SQL["insert_tasks"], {"project_id": project_id, "rows": Jsonb(list(rows))})
