"""What left this machine, read from the ledger as the caller: where to, how much, why; never what it said."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from service.storage.costs import Range
from service.storage.database import Connection
from service.storage.queries import load

SQL = load("egress")

# A host with or without its port. A call that names none was made in this process.
_LOOPBACK = r"^(localhost|127(\.[0-9]{1,3}){3}|::1|\[::1\])?(:[0-9]+)?$"


class Sent(msgspec.Struct, frozen=True):
    """One call that left. `place`: "commercial", or "local" for a machine of yours that is not this one.

    `source` is its name as far as the caller may know it. `bytes_out`: of the request's body; `redactions`:
    placeholders of secrets in it; `request_hash`: of the body, to hold against what somebody else kept.
    """

    id: UUID
    created_at: datetime
    project_id: UUID | None
    source_id: UUID | None
    source: str | None
    interaction_id: UUID | None
    task_type: str
    vendor: str
    host: str
    model_asked: str
    model_answered: str | None
    place: Literal["local", "commercial"]
    bytes_out: int
    redactions: int
    request_hash: str | None
    reason: str
    result: str


class SentTo(msgspec.Struct, frozen=True):
    """All calls to one host."""

    vendor: str
    host: str
    place: Literal["local", "commercial"]
    calls: int
    bytes_out: int
    redactions: int


async def list_sent(
    connection: Connection, of: Range, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Sent]:
    """Up to `limit` calls after a key, the newest first."""
    time, last = after or (None, None)
    cursor = await connection.execute(
        SQL["page"],
        {**of.parameters, "loopback": _LOOPBACK, "after_time": time, "after_id": last, "limit": limit},
    )
    return [Sent(**row) for row in await cursor.fetchall()]


async def sent_to(connection: Connection, of: Range) -> list[SentTo]:
    """The range by where it went, at most 100 hosts."""
    cursor = await connection.execute(SQL["totals"], {**of.parameters, "loopback": _LOOPBACK})
    return [SentTo(**row) for row in await cursor.fetchall()]
