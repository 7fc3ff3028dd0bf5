"""What was decided about an interaction, task by task, and every call that was made for it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.errors import NotFound
from service.extraction.pipeline import as_interaction
from service.extraction.plan import About, importance_of, plan
from service.extraction.tasks import content_analysis
from service.storage import interactions, route, tasks
from service.storage.database import Caller, Database


class DecidedTask(msgspec.Struct, frozen=True):
    """A task as it was decided. `decision`: vendor/model or builtin; `explanation`: every model with its verdict.

    `said`: what was answered, in short; null where the built-in extractor took over. `of_another`: its answer was given
    to the same text of another interaction, so nobody was asked again.
    """

    type: str
    decision: str
    reason: str
    state: str
    importance: str
    complexity: float | None
    complexity_parts: Mapping[str, Any] | None
    explanation: Mapping[str, Any] | None
    held_back: bool
    attempts: int
    cost_nusd: int
    said: str | None
    of_another: bool


class Call(msgspec.Struct, frozen=True):
    """One call to a model, as the ledger has it. `result`: ok, or the code of what went wrong."""

    task_type: str
    attempt: int
    vendor: str
    model_asked: str
    model_answered: str | None
    place: str
    host: str
    reason: str
    result: str
    input_tokens: int
    output_tokens: int
    reserved_nusd: int
    cost_nusd: int
    estimated: bool
    latency_ms: int
    bytes_out: int
    redactions: int
    created_at: datetime


class Decided(msgspec.Struct, frozen=True):
    """Everything about one interaction. `calls` is null for a caller who may not read what calls cost."""

    interaction_id: UUID
    kind: str
    external_key: str
    source: str
    state: str
    importance: str
    tasks: tuple[DecidedTask, ...]
    calls: tuple[Call, ...] | None


def _said(task: tasks.Row) -> str | None:
    """A kept answer in a few words. How many patterns, not which: what of them stands is told by the patterns."""
    answer: dict[str, Any] = task["answer"] or {}
    if "worth" in answer:
        worth = msgspec.convert(answer, content_analysis.Worth)
        return f"{'worth reading' if worth.worth else 'not worth reading'}: {content_analysis.why(worth)}"
    if "patterns" in answer:
        count = len(answer["patterns"])
        one = count == 1
        return f"{count} pattern{'' if one else 's'}, before {'its' if one else 'their'} quotes were looked up"
    return None


async def decided(database: Database, caller: Caller, interaction_id: UUID) -> Decided:
    """What was decided about an interaction that the caller sees; raises NotFound."""
    async with database.writing(caller) as connection:
        row = await interactions.one(connection, interaction_id)
        if row is None:
            raise NotFound(
                "There is no such interaction, or not for this caller.",
                fix="`motif extract` and `motif egress --json` tell ids (GET /api/v1/interactions).",
            )
        pieces = plan(as_interaction(row), About()) if row["kind"] != "commit" else ()
        hashes = [task.input_hash for piece in pieces for task in (piece.look, piece.reading)]
        found = await tasks.of_interaction(connection, row["project_id"], interaction_id, hashes)
        calls = await route.attempts(connection, row["project_id"], interaction_id)
        allowed = await route.may_read_costs(connection, caller, row["project_id"])
    return Decided(
        interaction_id=interaction_id,
        kind=row["kind"],
        external_key=row["external_key"],
        source=row["repository"],
        state=row["state"],
        importance=importance_of(row["priority"], emergency=row["emergency"]),
        tasks=tuple(
            msgspec.convert(
                {**task, "said": _said(task), "of_another": task["interaction_id"] != interaction_id}, DecidedTask
            )
            for task in found
        ),
        calls=tuple(msgspec.convert(call, Call) for call in calls) if allowed else None,
    )
