"""Storing patterns that people bring along. Their own words are their source, so that quotes stand here too."""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from routing.task import Priority
from service.extraction.consolidate import free_name
from service.extraction.import_lines import ImportedPattern
from service.extraction.intake import storable
from service.extraction.own_words import OwnWords, Piece, digest, own_words, said, says
from service.extraction.redact import redact_values
from service.log import correlation_id
from service.matching.embedder import Embedder
from service.matching.indexing import Indexed, index_text, prepare, write_index
from service.matching.model import active_model, keep_model
from service.storage import interactions, patterns, search
from service.storage.database import Caller, Database, Role
from service.storage.patterns import author
from service.storage.permission import of_sources
from service.storage.projects import create_project
from service.storage.sources import create_source

# How many are embedded between two reports of progress.
EMBED_BATCH = 64


class ImportedResult(msgspec.Struct, frozen=True):
    """What became of a record: created, or known when it was imported before. `name` as stored."""

    record: int
    pattern_id: UUID
    name: str
    result: str


# Only what is surely a name and no secret is told of where a quote stood before.
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class _Prepared(msgspec.Struct, frozen=True):
    record: int
    key: str
    pattern: ImportedPattern
    name: str
    words: OwnWords


async def import_patterns(
    database: Database,
    embedder: Embedder | None,
    caller: Caller,
    records: Sequence[tuple[str, ImportedPattern]],
    *,
    project_name: str,
    chosen: bool = True,
    source_name: str,
    progress: Callable[[int, int], None],
) -> list[ImportedResult]:
    """Store records that are not there yet, all in one transaction; a repeat of the same import changes nothing.

    Names that an open pattern has already get a number. Secrets are redacted first. `chosen`: see create_project.
    """
    async with database.transaction(Role.SERVICE) as connection:
        project = await create_project(connection, caller, project_name, chosen=chosen)
        source = await create_source(connection, project, "import", source_name, source_name)
        model_id = await active_model(connection, embedder)
        known = {row["context_hash"]: row for row in await patterns.existing(connection, project.id)}
        origin = await of_sources(connection, project.id, [source.id])
    prepared = await asyncio.to_thread(_prepare, records)
    new = [p for p in prepared if p.key not in known]
    indexed: list[Indexed] = []
    for start in range(0, len(new), EMBED_BATCH):
        progress(start, len(new))
        batch = [_index_text(p) for p in new[start : start + EMBED_BATCH]]
        indexed.extend(await prepare(batch, embedder, [origin] * len(batch)))
    progress(len(new), len(new))

    async with database.transaction(Role.SERVICE) as connection:
        await patterns.lock_project(connection, project.id)
        await keep_model(connection, model_id)
        # Searched again under the lock, so that two imports at once make no twins.
        stored = {row["context_hash"]: row for row in await patterns.existing(connection, project.id)}
        fresh = [(p, i) for p, i in zip(new, indexed, strict=True) if p.key not in stored]
        taken = {row["name"].casefold() for row in stored.values() if row["status"] in {"proposed", "active"}}
        rows = [_row(p, free_name(p.name, taken), source.visibility) for p, _ in fresh]
        sources = await interactions.insert_interactions(
            connection, source, [_interaction(p) for p, _ in fresh], priority=Priority.INTERACTIVE.value, state="done"
        )
        for p, _ in fresh:
            if (p.key, p.words.revision) not in sources:  # its pattern was removed, its text is still there
                sources[p.key, p.words.revision] = await interactions.id_of(connection, source, p.key, p.words.revision)
        await patterns.insert_patterns(connection, project.id, rows, created_by=caller.user_id)
        await patterns.insert_versions(
            connection,
            project.id,
            [(1, row) for row in rows],
            created_by=author(caller),
            correlation_id=correlation_id(),
        )
        await patterns.insert_evidence(
            connection,
            project.id,
            [
                {
                    "pattern_id": row["id"],
                    "version": 1,
                    "interaction_id": str(sources[p.key, p.words.revision]),
                    "quote": p.words.text[quote.start : quote.end],
                    "char_start": quote.start,
                    "char_end": quote.end,
                    "repository": None,
                    "visibility": source.visibility,
                    "link": quote.link,
                }
                for (p, _), row in zip(fresh, rows, strict=True)
                for quote in p.words.quotes
            ],
        )
        await write_index(
            connection, project.id, model_id, [(UUID(row["id"]), i) for (_, i), row in zip(fresh, rows, strict=True)]
        )
    if len(fresh) >= search.BULK:
        async with database.transaction(Role.SERVICE) as connection:
            await search.refresh_statistics(connection)
    made = {p.key: (UUID(row["id"]), row["name"]) for (p, _), row in zip(fresh, rows, strict=True)}
    return [
        ImportedResult(p.record, *made[p.key], "created")
        if p.key in made
        else ImportedResult(p.record, stored[p.key]["id"], stored[p.key]["name"], "known")
        for p in prepared
    ]


def _prepare(records: Sequence[tuple[str, ImportedPattern]]) -> list[_Prepared]:
    prepared: list[_Prepared] = []
    for number, (key, record) in enumerate(records, start=1):
        pattern = _redacted(record)
        name = " ".join(pattern.name.split())
        prepared.append(_Prepared(number, _clean_key(key), pattern, name, own_words(name, _pieces(pattern))))
    return prepared


def _pieces(pattern: ImportedPattern) -> list[Piece]:
    """What a record says, piece by piece. Evidence that comes along is what is quoted, else the record's own words."""
    content = pattern.whole_content
    own = [pattern.description or "", content.problem, content.solution, content.context]
    brought = [
        Piece(e.quote.strip(), link=f"{e.kind} {e.source}" if _SHA.match(e.source) else None)
        for e in pattern.evidence
        if says(e.quote)
    ]
    return [
        *(Piece(text, not brought) for text in said([*own, *content.steps, *content.recommendations])),
        *brought,
    ]


def _redacted(record: ImportedPattern) -> ImportedPattern:
    """The record with secrets hidden in every string, and NUL, which Postgres cannot hold, replaced."""
    clean = redact_values(msgspec.to_builtins(record))
    return msgspec.convert(clean, ImportedPattern)


def _clean_key(key: str) -> str:
    """A record's own key as it is, unless it holds what must not be stored."""
    return key if redact_values(key) == key else f"import:{digest(key)[:40]}"


def _index_text(p: _Prepared) -> Any:
    return index_text(p.name, p.pattern.description or "", msgspec.to_builtins(p.pattern.whole_content))


def _interaction(p: _Prepared) -> dict[str, Any]:
    return {
        "kind": "document",
        "external_key": p.key,
        "revision": p.words.revision,
        "author_key": None,
        "occurred_at": storable(p.pattern.created_at or datetime.now(UTC)),
        "text": p.words.text,
        "metadata": {"title": p.name},
    }


def _row(p: _Prepared, name: str, visibility: str) -> dict[str, Any]:
    pattern = p.pattern
    return {
        "id": str(uuid4()),
        "name": name,
        "description": pattern.description or "",
        "pattern_type": pattern.pattern_type,
        "content": msgspec.to_builtins(pattern.whole_content),
        "scope": pattern.scope,
        "tags": pattern.tags,
        "confidence": pattern.confidence,
        "status": pattern.status,
        "context_hash": p.key,
        "execution_trace": pattern.execution_trace,
        "success_criteria": pattern.success_criteria,
        "quality_metrics": pattern.quality_metrics,
        "performance_data": pattern.performance_data,
        "extraction_method": "manual",
        "extraction_model": None,
        "extraction_confidence": None,
        "success_rate": pattern.success_rate,
        "visibility": visibility,
    }
