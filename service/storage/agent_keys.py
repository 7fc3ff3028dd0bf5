"""Agents' keys: kept as hashes, made by a member for one project, ended at once."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from service.errors import NotFound
from service.storage.database import Connection, only_row
from service.storage.queries import load

SQL = load("agent_keys")

Scope = Literal["read", "write"]


class AgentKey(msgspec.Struct, frozen=True):
    """A key as its maker and the project's admins see it: everything but the key itself."""

    id: UUID
    project_id: UUID
    name: str
    scopes: list[Scope]
    created_by: UUID
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class PresentedKey(msgspec.Struct, frozen=True):
    """A key that somebody came with."""

    id: UUID
    project_id: UUID
    created_by: UUID
    revoked: bool
    expired: bool


async def by_hash(connection: Connection, key_hash: bytes) -> PresentedKey | None:
    """The key of that hash; needs the role `service_role`, because nobody else may ask by hash."""
    cursor = await connection.execute(SQL["by_hash"], {"key_hash": key_hash})
    row = await cursor.fetchone()
    return PresentedKey(**row) if row else None


async def used(connection: Connection, key_ids: Collection[UUID]) -> None:
    """Note that these keys were used just now; needs the role `service_role`."""
    await connection.execute(SQL["used"], {"key_ids": list(key_ids)})


async def add(
    connection: Connection,
    project_id: UUID,
    created_by: UUID,
    *,
    name: str,
    key_hash: bytes,
    scopes: Sequence[Scope],
    expires_at: datetime | None,
) -> AgentKey:
    """Keep a new key; the policies let members and admins make one for themselves."""
    cursor = await connection.execute(
        SQL["add"],
        {
            "project_id": project_id,
            "name": name,
            "key_hash": key_hash,
            "scopes": list(scopes),
            "created_by": created_by,
            "expires_at": expires_at,
        },
    )
    return AgentKey(**await only_row(cursor))


async def page(
    connection: Connection, project_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[AgentKey]:
    """Up to `limit` keys of a project after that one (its created_at and id), the newest first."""
    after_at, after_id = after or (None, None)
    cursor = await connection.execute(
        SQL["page"], {"project_id": project_id, "after_at": after_at, "after_id": after_id, "limit": limit}
    )
    return [AgentKey(**row) for row in await cursor.fetchall()]


async def revoke(connection: Connection, project_id: UUID, key_id: UUID) -> None:
    """End a key; nothing for one that has ended. Raises NotFound for one that the caller does not see."""
    cursor = await connection.execute(SQL["revoke"], {"project_id": project_id, "key_id": key_id})
    if cursor.rowcount:
        return
    cursor = await connection.execute(SQL["visible"], {"project_id": project_id, "key_id": key_id})
    if await cursor.fetchone() is None:
        raise NotFound(
            "There is no such key, or not for this caller.", fix="GET the project's keys for those there are."
        )
