"""From what an extractor found to rows: grounded, consolidated, related, and written in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec

from routing.task import TaskType, input_hash
from service.errors import NotFound
from service.extraction.builtin import Extraction
from service.extraction.consolidate import OPEN, Consolidated, Known, consolidate
from service.extraction.grounding import ground
from service.extraction.interaction import Interaction
from service.extraction.outcome_index import index_again, index_outcome
from service.extraction.pattern import BUILTIN, ExtractedPattern, Maker
from service.extraction.relate import relate
from service.log import correlation_id
from service.matching.embedder import Embedder
from service.matching.indexing import IndexText, index_text, write_index
from service.matching.model import keep_model
from service.storage import interactions, patterns, search, tasks
from service.storage.database import Connection, Database, Role
from service.storage.interactions import Row


class LearnedPattern(msgspec.Struct, frozen=True):
    """One line of what a run did: `change` is new, improved or same."""

    pattern_id: UUID
    name: str
    pattern_type: str
    status: str
    change: str
    evidence: int


class Batch(msgspec.Struct, frozen=True):
    """What was read, row by row, and what becomes of it.

    `processed`: interaction -> None, or the reason why it was left out. `status`: of patterns that are new. `tasks`:
    rows of tasks to be kept along; None for a history, where each pattern is one.
    """

    project_id: UUID
    model_id: int
    rows: Sequence[Row]
    interactions: Sequence[Interaction]
    processed: Mapping[UUID, str | None]
    status: str
    tasks: Sequence[Row] | None = None


class ErasedMeanwhile(NotFound):
    """Interactions were erased while they were learned from; nothing of them was written."""


async def store_extraction(
    database: Database, embedder: Embedder | None, batch: Batch, extraction: Extraction
) -> tuple[LearnedPattern, ...]:
    """Ground, consolidate, relate and write, and mark what was read; all of it is written or nothing.

    Raises ErasedMeanwhile when any of what was read is no longer there.
    """
    project_id, model_id = batch.project_id, batch.model_id
    by_member = {(i.external_key, i.revision): i for i in batch.interactions}
    row_of = {(row["external_key"], row["revision"]): row for row in batch.rows}
    grounded = [p for p in (ground(p, by_member) for p in extraction.patterns) if p is not None]

    async with database.transaction(Role.SERVICE) as connection:
        seen = await patterns.existing(connection, project_id)
    # Another history's or document's quotes may bear the same key and revision, and one text states many things: only
    # what recurs over a whole history is known by its members.
    by_members = batch.tasks is None
    outcome = consolidate(grounded, map(_known, seen), by_members=by_members)
    texts = [_index_text(c, row_of) for c in outcome]
    indexed = await index_outcome(database, embedder, project_id, model_id, outcome, texts, row_of)

    async with database.transaction(Role.SERVICE) as connection:
        await patterns.lock_project(connection, project_id)
        if await interactions.erased(connection, project_id, [row["id"] for row in batch.rows]):
            raise ErasedMeanwhile("What was learned from has been erased meanwhile.")
        now = await patterns.existing(connection, project_id)
        if _signature(now) != _signature(seen):
            # What was erased meanwhile does not come back by what was found before.
            gone = {row["context_hash"] for row in seen} - {row["context_hash"] for row in now}
            grounded = [p for p in grounded if p.key not in gone]
            # Somebody wrote in between: consolidate against what stands there now, so that no twin arises.
            outcome = consolidate(grounded, map(_known, now), by_members=by_members)
            before = dict(zip(texts, indexed, strict=True))
            texts = [_index_text(c, row_of) for c in outcome]
            indexed = await index_again(embedder, texts, before)
        await keep_model(connection, model_id)
        ids = [UUID(c.known.id) if c.known else uuid4() for c in outcome]
        await _write(connection, batch, outcome, ids, row_of)
        changed = [n for n, c in enumerate(outcome) if c.changed]
        await write_index(
            connection,
            project_id,
            model_id,
            [(ids[n], indexed[n]) for n in changed],
            replace=[ids[n] for n in changed if outcome[n].known],
        )
        relations = relate([frozenset(c.pattern.members) for c in outcome], [entry.vector for entry in indexed])
        await patterns.insert_relationships(
            connection,
            project_id,
            [
                {
                    "source_pattern_id": str(ids[r.source]),
                    "target_pattern_id": str(ids[r.target]),
                    "relationship_type": r.relationship_type,
                    "strength": r.strength,
                    "confidence": r.strength,
                    "evidence": r.evidence,
                }
                for r in relations
            ],
        )
        activated = await patterns.activate_recurring(connection, project_id, ids)
        if batch.tasks is None:
            await tasks.insert_tasks(connection, project_id, [_task(c.pattern, row_of) for c in outcome])
        else:
            await tasks.keep(connection, batch.tasks)
        await _finish(connection, batch)
    if sum(c.changed for c in outcome) >= search.BULK:
        async with database.transaction(Role.SERVICE) as connection:
            await search.refresh_statistics(connection)
    return tuple(
        LearnedPattern(
            ids[n],
            c.pattern.name,
            c.pattern.pattern_type,
            "active" if ids[n] in activated else _status(c, batch.status),
            "new" if c.known is None else "improved" if c.changed else "same",
            len(c.pattern.evidence),
        )
        for n, c in enumerate(outcome)
    )


def _status(c: Consolidated, of_new: str) -> str:
    """What a pattern's status is now: one that grew is no longer a mere proposal, unless somebody said that it is."""
    if c.known is None or (c.changed and c.known.status == "proposed" and not c.known.decided):
        return of_new
    return c.known.status


async def _finish(connection: Connection, batch: Batch) -> None:
    reasons: dict[str | None, list[UUID]] = {}
    for interaction_id, reason in batch.processed.items():
        reasons.setdefault(reason, []).append(interaction_id)
    for reason, ids in reasons.items():
        await interactions.finish(connection, batch.project_id, ids, "ignored" if reason else "done", reason)


async def _write(
    connection: Connection,
    batch: Batch,
    outcome: Sequence[Consolidated],
    ids: Sequence[UUID],
    row_of: dict[tuple[str, str], Row],
) -> None:
    """Patterns, versions and evidence."""
    project_id = batch.project_id
    fields = [{**_fields(c, row_of, batch.status), "id": str(i)} for c, i in zip(outcome, ids, strict=True)]
    await patterns.insert_patterns(
        connection, project_id, [f for f, c in zip(fields, outcome, strict=True) if c.known is None], created_by=None
    )
    versions: list[int] = []
    for row, c in zip(fields, outcome, strict=True):
        if c.known is not None and c.changed:
            versions.append(await patterns.update_pattern(connection, project_id, row))
        else:
            versions.append(c.known.version if c.known else 1)
    made: dict[str, list[tuple[int, Row]]] = {}
    for row, version, c in zip(fields, versions, outcome, strict=True):
        if c.changed:
            made.setdefault(_author(c.pattern.maker), []).append((version, row))
    for author, rows in made.items():
        await patterns.insert_versions(connection, project_id, rows, created_by=author, correlation_id=correlation_id())
    await patterns.insert_evidence(
        connection,
        project_id,
        [
            {
                "pattern_id": str(i),
                "version": version,
                "interaction_id": str(source["id"]),
                "quote": quote.quote,
                "char_start": quote.char_start,
                "char_end": quote.char_end,
                "repository": source["repository"],
                "visibility": source["visibility"],
                "link": source["metadata"].get("link"),
            }
            for c, i, version in zip(outcome, ids, versions, strict=True)
            for quote in c.pattern.evidence
            if (source := row_of[(quote.external_key, quote.revision)])
        ],
    )


def _fields(c: Consolidated, row_of: dict[tuple[str, str], Row], status: str) -> dict[str, Any]:
    pattern = c.pattern
    sources = [row_of[member] for member in pattern.members if member in row_of]
    return {
        "name": pattern.name,
        "description": pattern.description,
        "pattern_type": pattern.pattern_type,
        "content": msgspec.to_builtins(pattern.content),
        "scope": list(pattern.scope),
        "tags": list(pattern.tags),
        "confidence": pattern.confidence,
        "status": status,
        "context_hash": pattern.key,
        "execution_trace": {},
        "success_criteria": {},
        "quality_metrics": {},
        "performance_data": {},
        "extraction_method": pattern.maker.method,
        "extraction_model": pattern.maker.model,
        "extraction_confidence": (
            pattern.confidence if pattern.extraction_confidence is None else pattern.extraction_confidence
        ),
        "success_rate": None,
        # The strictest of its evidence.
        "visibility": "public" if sources and all(s["visibility"] == "public" for s in sources) else "private",
    }


def _author(maker: Maker) -> str:
    """Who made a version: the built-in extractor, or a model by its name."""
    return maker.method if maker == BUILTIN else maker.model


def _task(pattern: ExtractedPattern, row_of: dict[tuple[str, str], Row]) -> dict[str, Any]:
    anchor = row_of[pattern.members[-1]]
    return {
        "interaction_id": str(anchor["id"]),
        "type": TaskType.PATTERN_EXTRACTION.value,
        "prompt_version": BUILTIN.model,
        "input_hash": input_hash([pattern.key, *(f"{key}@{revision}" for key, revision in pattern.members)]),
        "complexity": None,
        "decision": BUILTIN.method,
        # Whole histories are the built-in extractor's work, whatever models there are.
        "reason": "history",
        "answer": {"key": pattern.key, "name": pattern.name, "quotes": len(pattern.evidence)},
    }


def _known(row: Row) -> Known:
    return Known(
        id=str(row["id"]),
        key=row["context_hash"],
        name=row["name"],
        version=row["version"],
        members=frozenset((key, revision) for key, revision in row["members"]),
        status=row["status"],
        fixed=row["extraction_method"] == "manual" or row["edited"] or row["status"] not in OPEN,
        decided=row["decided"],
        by_model=row["extraction_method"] in {"local_llm", "commercial_llm"},
    )


def _signature(rows: Sequence[Row]) -> list[tuple[UUID, int, str]]:
    return [(row["id"], row["version"], row["status"]) for row in rows]


def _index_text(c: Consolidated, row_of: Mapping[tuple[str, str], Row]) -> IndexText:
    """Quotes lend their words newest first, in the order in which a rebuild reads them from the database."""
    quotes = sorted(c.pattern.evidence, key=lambda q: (q.external_key, q.char_start))
    quotes.sort(key=lambda q: row_of[q.external_key, q.revision]["occurred_at"], reverse=True)
    content = msgspec.to_builtins(c.pattern.content)
    return index_text(c.pattern.name, c.pattern.description, content, [q.quote for q in quotes])
