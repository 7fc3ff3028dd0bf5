"""A person's verdict on a pattern: its status and a validation, in one transaction."""

import asyncio
from uuid import UUID

from service.errors import Forbidden, PreconditionFailed
from service.extraction.redact import redact
from service.storage import patterns
from service.storage.database import Caller, Database
from service.storage.pattern_pages import pattern
from service.storage.patterns import Row
from service.storage.rights import require
from service.storage.validations import insert_validation

LONGEST_REASON = 2_000


async def judge(
    database: Database,
    caller: Caller,
    pattern_id: UUID,
    *,
    accepted: bool,
    reason: str = "",
    version: int | None = None,
) -> Row:
    """Make a pattern active, or archive it, and keep the verdict as a validation; returns its row.

    `version`: the one that was looked at. Raises PreconditionFailed if it is another one by now, NotFound, Forbidden
    for viewers and agents, Conflict where an open pattern has the name already.
    """
    if not caller.is_person:
        raise Forbidden("A verdict is a person's.", fix="Sign in yourself.")
    said = await asyncio.to_thread(redact, reason.replace("\0", "\ufffd")[:LONGEST_REASON])
    async with database.writing(caller) as connection:
        project_id: UUID = (await pattern(connection, pattern_id))["project_id"]
        await require(connection, caller, project_id, "member")
        await patterns.lock_project(connection, project_id)
        row = await pattern(connection, pattern_id, changing=True)
        if version not in {None, row["version"]}:
            raise PreconditionFailed("It was changed since it was shown.", fix="Look at it again.")
        status = "active" if accepted else "archived"
        await patterns.change(connection, {**row, "status": status, "decided": True})
        validation = {
            "validation_type": "consensus" if accepted else "contradiction",
            "result": accepted,
            "evidence": {"verdict": "accepted" if accepted else "rejected", "version": row["version"]}
            | ({"reason": said.text} if said.text.strip() else {}),
            "confidence": 1.0,
        }
        await insert_validation(connection, caller, project_id, pattern_id, validation)
        return await pattern(connection, pattern_id)
