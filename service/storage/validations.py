"""Validations: what people, the system and models say about a pattern. A trigger counts each validator's last word."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from service.storage.database import Caller, Connection, only_row
from service.storage.pattern_pages import no_pattern
from service.storage.queries import load
from service.storage.refusals import in_our_words

SQL = load("validations")
Row = dict[str, Any]


async def insert_validation(
    connection: Connection, caller: Caller, project_id: UUID, pattern_id: UUID, validation: Mapping[str, Any]
) -> Row:
    """Store a validation (validation_type, result, evidence, confidence) as the caller's word.

    A person speaks as `user`, an agent as `llm`, the service itself as `system`. Raises NotFound for a pattern that is
    gone.
    """
    speaker = "system" if caller.user_id is None else "user" if caller.is_person else "llm"
    values = {
        **validation,
        "evidence": Jsonb(validation["evidence"]),
        "project_id": project_id,
        "pattern_id": pattern_id,
        "validated_by": speaker,
        "validator_id": caller.user_id,
    }
    with in_our_words({"pattern_validations_project_id_pattern_id_fkey": no_pattern()}):
        cursor = await connection.execute(SQL["insert_validation"], values)
    return await only_row(cursor)


async def page_of_validations(
    connection: Connection, project_id: UUID, pattern_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None
) -> list[Row]:
    """Validations of a pattern, newest first, one more than `limit` where there are more."""
    moment, last = after or (None, None)
    cursor = await connection.execute(
        SQL["page_of_validations"],
        {"project_id": project_id, "pattern_id": pattern_id, "limit": limit + 1, "moment": moment, "last": last},
    )
    return await cursor.fetchall()
