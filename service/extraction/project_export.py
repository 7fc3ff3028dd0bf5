"""A project as JSON lines: everything that `motif projects import` needs to bring it back, and nobody's name."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import msgspec

from service.extraction.redact import redact, redact_values
from service.storage import project_export
from service.storage.database import Caller, Database, Role
from service.storage.rights import require

PATIENCE_S = 60.0
"""Whoever takes nothing for so long keeps a connection from others."""

_ENCODER = msgspec.json.Encoder()


async def check_export(database: Database, caller: Caller, project_id: UUID) -> None:
    """Raise NotFound or Forbidden unless the caller is an admin of the project."""
    async with database.reading(caller) as connection:
        await require(connection, caller, project_id, "admin")


async def export_project(
    database: Database, caller: Caller, project_id: UUID, *, patience_s: float = PATIENCE_S
) -> AsyncGenerator[bytes]:
    """The project's lines, each with its line end, the last one telling how many there were before it.

    One snapshot, read as the caller on a connection of its own for as long as somebody takes the lines. Raises NotFound
    or Forbidden unless the caller is an admin, RequestInvalid once nobody has taken one for `patience_s`.
    """
    count = 0
    role = Role.SERVICE if caller.user_id is None else Role.TEAM_CLIENT
    async with database.transaction(role, caller, apart=True) as connection:
        await require(connection, caller, project_id, "admin")
        async for line, raw in project_export.lines(connection, project_id, patience_s=patience_s):
            yield (await asyncio.to_thread(_redacted, line) if raw else line.encode()) + b"\n"
            count += 1
    yield _ENCODER.encode({"end": {"lines": count}}) + b"\n"


def _redacted(line: str) -> bytes:
    """An interaction that waits to be redacted, without its secrets."""
    whole: dict[str, dict[str, Any]] = msgspec.json.decode(line)
    said = whole["interaction"]
    said["text"] = redact(said["text"]).text
    said["metadata"] = redact_values(said["metadata"])
    return _ENCODER.encode(whole)
