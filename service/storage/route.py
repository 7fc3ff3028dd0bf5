"""What a decision rests on and what came of it: what budgets have left, and the calls made for an interaction."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from service.errors import NotFound, RequestInvalid
from service.storage.database import Caller, Connection, only_row
from service.storage.queries import load

SQL = load("route")
Row = dict[str, Any]


class Left(msgspec.Struct, frozen=True):
    """What a budget has left of today (`day`) or this month (`month`), in nano-dollars; null where it has no limit."""

    budget: str
    period: str
    limit_nusd: int | None
    left_nusd: int | None


async def left(connection: Connection, keys: Collection[str]) -> tuple[Left, ...]:
    """What these budgets have left, as far as the transaction's role sees them."""
    cursor = await connection.execute(SQL["left"], {"keys": list(keys)})
    return tuple(Left(**row) for row in await cursor.fetchall())


async def attempts(connection: Connection, project_id: UUID, interaction_id: UUID) -> list[Row]:
    """The ledger's rows of an interaction, oldest first; none for a caller who may not read what calls cost."""
    cursor = await connection.execute(SQL["attempts"], {"project_id": project_id, "interaction_id": interaction_id})
    return await cursor.fetchall()


async def may_read_costs(connection: Connection, caller: Caller, project_id: UUID) -> bool:
    """Whether the caller may read what a project's calls cost; needs a `writing` transaction."""
    if caller.user_id is None:
        return True
    return bool(
        (await only_row(await connection.execute(SQL["may_read_costs"], {"project_id": project_id})))["allowed"]
    )


async def source_given(connection: Connection, given: str) -> tuple[UUID, UUID]:
    """The project and id of the source that goes by that; NotFound for none, RequestInvalid for several."""
    rows = await (await connection.execute(SQL["source"], {"given": given})).fetchall()
    if not rows:
        raise NotFound(
            "There is no source of that name or id, or not for this caller.",
            fix="`motif sources list --project NAME` lists a project's (GET /api/v1/projects/<id>/sources).",
        )
    if len(rows) > 1:
        raise RequestInvalid("Several sources go by that name.", fix="Give the id of one.")
    return rows[0]["project_id"], rows[0]["id"]
