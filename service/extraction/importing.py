"""Storing patterns that people bring along. Their own words are their source, so that quotes stand here too."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from routing.task import Priority
from service.extraction.consolidate import free_name
from service.extraction.import_lines import ImportedPattern
from service.extraction.intake import storable
from service.extraction.redact import redact
from service.matching.embed import Embedder
from service.matching.indexing import Indexed, index_text, prepare, write_index
from service.matching.model import active_model, keep_model
from service.storage import interactions, patterns, search
from service.storage.database import Caller, Database, Role
from service.storage.projects import create_project, create_source

# How many are embedded between two reports of progress.
EMBED_BATCH = 64
QUOTE_CHARS = 500


class ImportedResult(msgspec.Struct, frozen=True):
    """What became of a record: created, or known when it was imported before. `name` as stored."""

    record: int
    pattern_id: UUID
    name: str
    result: str


class _Prepared(msgspec.Struct, frozen=True):
    record: int
    key: str
    pattern: ImportedPattern
    name: str
    text: str
    revision: str
    quotes: tuple[tuple[int, int], ...]


async def import_patterns(
    database: Database,
    embedder: Embedder | None,
    caller: Caller,
    records: Sequence[tuple[str, ImportedPattern]],
    *,
    project_name: str,
    source_name: str,
    progress: Callable[[int, int], None],
) -> list[ImportedResult]:
    """Store records that are not there yet, all in one transaction; a repeat of the same import changes nothing.

    Names that an open pattern has already get a number. Secrets are redacted first.
    """
    async with database.transaction(Role.SERVICE) as connection:
        project = await create_project(connection, caller, project_name)
        source = await create_source(connection, project, "import", source_name, source_name)
        model_id = await active_model(connection, embedder)
        known = {row["context_hash"]: row for row in await patterns.existing(connection, project.id)}
    prepared = await asyncio.to_thread(_prepare, records)
    new = [p for p in prepared if p.key not in known]
    indexed: list[Indexed] = []
    for start in range(0, len(new), EMBED_BATCH):
        progress(start, len(new))
        batch = [_index_text(p) for p in new[start : start + EMBED_BATCH]]
        indexed.extend(await asyncio.to_thread(prepare, batch, embedder))
    progress(len(new), len(new))

    async with database.transaction(Role.SERVICE) as connection:
        await patterns.lock_project(connection, project.id)
        await keep_model(connection, embedder, model_id)
        # Searched again under the lock, so that two imports at once make no twins.
        stored = {row["context_hash"]: row for row in await patterns.existing(connection, project.id)}
        fresh = [(p, i) for p, i in zip(new, indexed, strict=True) if p.key not in stored]
        taken = {row["name"].casefold() for row in stored.values() if row["status"] in {"proposed", "active"}}
        rows = [_row(p, free_name(p.name, taken), source.visibility) for p, _ in fresh]
        sources = await interactions.insert_interactions(
            connection, source, [_interaction(p) for p, _ in fresh], priority=Priority.INTERACTIVE.value, state="done"
        )
        for p, _ in fresh:
            if (p.key, p.revision) not in sources:  # its pattern was removed, its text is still there
                sources[p.key, p.revision] = await interactions.id_of(connection, source, p.key, p.revision)
        await patterns.insert_patterns(connection, project.id, rows, created_by=caller.user_id)
        await patterns.insert_versions(
            connection, project.id, [(1, row) for row in rows], created_by=str(caller.user_id)
        )
        await patterns.insert_evidence(
            connection,
            project.id,
            [
                {
                    "pattern_id": row["id"],
                    "version": 1,
                    "interaction_id": str(sources[p.key, p.revision]),
                    "quote": p.text[start:end],
                    "char_start": start,
                    "char_end": end,
                    "repository": None,
                    "visibility": source.visibility,
                    "link": None,
                }
                for (p, _), row in zip(fresh, rows, strict=True)
                for start, end in p.quotes
            ],
        )
        await write_index(
            connection, project.id, model_id, [(UUID(row["id"]), i) for (_, i), row in zip(fresh, rows, strict=True)]
        )
    if fresh:
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
        parts = [name]
        quotes: list[tuple[int, int]] = []
        length = len(name)
        for part in _paragraphs(pattern):
            start = length + 2
            parts.append(part)
            length = start + len(part)
            quotes.append((start, start + min(len(part), QUOTE_CHARS)))
        text = "\n\n".join(parts)
        revision = _digest(text)[:16]
        prepared.append(
            _Prepared(number, _clean_key(key), pattern, name, text, revision, tuple(quotes or [(0, len(name))]))
        )
    return prepared


def _paragraphs(pattern: ImportedPattern) -> list[str]:
    """What a record says, piece by piece; each becomes a quote."""
    content = pattern.whole_content
    said = [
        pattern.description or "",
        content.problem,
        content.solution,
        content.context,
        *content.steps,
        *content.recommendations,
        *(f"{e.quote}" for e in pattern.evidence),
    ]
    return list(dict.fromkeys(piece.strip() for piece in said if any(c.isalnum() for c in piece)))


def _redacted(record: ImportedPattern) -> ImportedPattern:
    """The record with secrets hidden in every string, and NUL, which Postgres cannot hold, replaced."""
    clean = _clean(msgspec.to_builtins(record))
    return msgspec.convert(clean, ImportedPattern)


def _clean(value: Any, name: str = "") -> Any:
    """The value without secrets; `name` is what it stands under, by which alone many a secret is known."""
    if isinstance(value, str):
        head = f'{name} = "' if name else ""
        whole = redact(f"{head}{value.replace(chr(0), chr(0xFFFD))}" + ('"' if name else "")).text
        return redact(whole[len(head) : len(head) + len(value)]).text
    if isinstance(value, list | tuple):  # a struct's tuple stays one among the builtins
        items = cast("list[Any]", value)
        return [_clean(item, name) for item in items]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {_clean(key): _clean(item, key) for key, item in members.items()}
    return value


def _clean_key(key: str) -> str:
    """A record's own key as it is, unless it holds what must not be stored."""
    return key if _clean(key) == key else f"import:{_digest(key)[:40]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _index_text(p: _Prepared) -> Any:
    return index_text(p.name, p.pattern.description or "", msgspec.to_builtins(p.pattern.whole_content))


def _interaction(p: _Prepared) -> dict[str, Any]:
    return {
        "kind": "document",
        "external_key": p.key,
        "revision": p.revision,
        "author_key": None,
        "occurred_at": storable(p.pattern.created_at or datetime.now(UTC)),
        "text": p.text,
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
