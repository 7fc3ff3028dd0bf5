"""Storing what people and agents write themselves: a new pattern, and a change of one, each in one transaction."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET

from service.errors import Forbidden, PreconditionFailed, RequestInvalid
from service.extraction.written_evidence import own_evidence, standing
from service.extraction.written_pattern import (
    SAYING,
    PatternChange,
    WrittenPattern,
    without_secrets,
)
from service.log import correlation_id
from service.matching.embedder import Embedder
from service.matching.indexing import QUOTES, Indexed, IndexText, index_text, prepare, write_index
from service.matching.model import active_model, keep_model
from service.storage import patterns
from service.storage.database import Caller, Connection, Database, Role
from service.storage.own_words import rests_on_own_words
from service.storage.pattern_pages import pattern
from service.storage.patterns import Row, author
from service.storage.permission import Origin, of_interactions, of_own_words, of_patterns, together
from service.storage.rights import require

# A pattern rests on whoever wrote it until it is used: a person is believed, an agent half.
PERSON_CONFIDENCE, AGENT_CONFIDENCE = 1.0, 0.5
# How long whoever writes a pattern waits for a vendor's vector; without one it is found by its words.
WAIT_S = 10.0


async def write_pattern(database: Database, embedder: Embedder | None, caller: Caller, written: WrittenPattern) -> Row:
    """Store a new pattern as the caller, found from then on; returns its row.

    Raises NotFound for a project that the caller is not in, Forbidden for a viewer, or an agent that does more than
    propose, EvidenceInvalid naming each quote that does not stand, Conflict for a name that is taken.
    """
    project_id = written.project_id
    if caller.agent_key is not None and written.status != "proposed":
        raise _for_people()
    async with database.writing(caller) as connection:
        await require(connection, caller, project_id, "member")
        await standing(connection, project_id, written.evidence)
    written = await asyncio.to_thread(without_secrets, written)
    content: dict[str, Any] = msgspec.to_builtins(written.content)
    text = index_text(written.name, written.description, content)
    anew = await _indexed(database, embedder, project_id, text, [one.interaction_id for one in written.evidence])

    pattern_id = uuid4()
    row: Row = {
        "id": str(pattern_id),
        "project_id": project_id,
        "name": written.name,
        "description": written.description,
        "pattern_type": written.pattern_type,
        "content": content,
        "scope": written.scope,
        "tags": written.tags,
        "confidence": AGENT_CONFIDENCE if caller.agent_key else PERSON_CONFIDENCE,
        "status": written.status,
        "context_hash": f"manual:{pattern_id}",
        "execution_trace": {},
        "success_criteria": written.success_criteria,
        "quality_metrics": written.quality_metrics,
        "performance_data": {},
        "extraction_method": "manual",
        "extraction_model": None,
        "extraction_confidence": None,
        "success_rate": None,
        "version": 1,
    }
    async with database.writing(caller) as connection:
        await patterns.lock_project(connection, project_id)
        evidence = await standing(connection, project_id, written.evidence)
        evidence = [{**one, "pattern_id": str(pattern_id)} for one in evidence]
        evidence = evidence or await own_evidence(connection, caller, row)
        # The strictest of its evidence.
        public = all(one["visibility"] == "public" for one in evidence)
        inserted = {name: value for name, value in row.items() if name not in {"project_id", "version"}}
        inserted["visibility"] = "public" if public else "private"
        await patterns.insert_patterns(connection, project_id, [inserted], created_by=caller.user_id)
        await _keep_version(connection, caller, row)
        await patterns.insert_evidence(connection, project_id, evidence)
        await keep_model(connection, anew.model_id)
        await write_index(connection, project_id, anew.model_id, [(pattern_id, anew.entry)])
        return await pattern(connection, pattern_id)


async def change_pattern(
    database: Database,
    embedder: Embedder | None,
    caller: Caller,
    pattern_id: UUID,
    change: PatternChange,
    check: Callable[[Row], None],
) -> Row:
    """Change a pattern as the caller; returns its row. What it says becomes its next version, and is found at once.

    `check` is given the row as it stands, held, and raises for one that the change was not made from. Raises besides
    NotFound, Forbidden and Conflict as `write_pattern` does, and PreconditionFailed where somebody was faster.
    """
    async with database.writing(caller) as connection:
        seen = await pattern(connection, pattern_id)
        project_id: UUID = seen["project_id"]
        await require(connection, caller, project_id, "member")
        check(seen)
        quotes = await _quotes(connection, seen)
    if caller.agent_key is not None and (seen["status"] != "proposed" or change.status not in {UNSET, "proposed"}):
        raise _for_people()
    if change.superseded_by == pattern_id:
        raise RequestInvalid("superseded_by: a pattern cannot supersede itself.", fix="Name the one that replaces it.")
    change = await asyncio.to_thread(without_secrets, change)
    row = {**seen, **_given(change)}
    anew = None
    if _says_else(seen, row):
        text = index_text(row["name"], row["description"], row["content"], quotes)
        anew = await _indexed(database, embedder, project_id, text, patterns_too=[pattern_id])
    decided = change.status is not UNSET and caller.agent_key is None
    if row == seen and not decided:
        return seen

    async with database.writing(caller) as connection:
        await patterns.lock_project(connection, project_id)
        now = await pattern(connection, pattern_id, changing=True)
        check(now)
        if _says_else(seen, now):  # If-Match may name whatever stands there
            raise PreconditionFailed("It was changed at the same moment.")
        row = {**now, **_given(change), "decided": decided}
        if anew is None:
            await patterns.change(connection, row)
        else:
            await keep_model(connection, anew.model_id)
            row |= {"version": now["version"] + 1, "edited": True}
            await patterns.change(connection, row)
            await _keep_version(connection, caller, row)
            if await rests_on_own_words(connection, project_id, pattern_id):
                evidence = await own_evidence(connection, caller, row)
                await patterns.insert_evidence(connection, project_id, evidence)
            await write_index(connection, project_id, anew.model_id, [(pattern_id, anew.entry)], replace=[pattern_id])
        return await pattern(connection, pattern_id)


class _Anew(msgspec.Struct, frozen=True):
    """A pattern as it is to be found, and the model that its vector is of."""

    model_id: int
    entry: Indexed


async def _indexed(
    database: Database,
    embedder: Embedder | None,
    project_id: UUID,
    text: IndexText,
    interactions: Collection[UUID] = (),
    *,
    patterns_too: Collection[UUID] = (),
) -> _Anew:
    """`interactions`, `patterns_too`: whose words it is made of, besides those of whoever writes it."""
    origin = Origin()
    async with database.transaction(Role.SERVICE) as connection:  # who comes first registers the model
        model_id = await active_model(connection, embedder)
        if embedder is not None and embedder.at_vendor:
            own = await of_own_words(connection, project_id)
            quoted = await of_interactions(connection, project_id, interactions)
            before = await of_patterns(connection, project_id, patterns_too)
            origin = together(project_id, [own, *quoted.values(), *before.values()])
    (entry,) = await prepare([text], embedder, [origin], wait_s=WAIT_S)
    return _Anew(model_id, entry)


def _given(change: PatternChange) -> Row:
    values = msgspec.structs.asdict(change)
    given = {name: value for name, value in values.items() if value is not UNSET}
    if "content" in given:
        given["content"] = msgspec.to_builtins(given["content"])
    return given


def _says_else(one: Row, other: Row) -> bool:
    return any(one[name] != other[name] for name in SAYING)


async def _quotes(connection: Connection, row: Row) -> list[str]:
    """The quotes that a pattern is found by; a written one's are its own words, which stand in its body already."""
    if row["extraction_method"] == "manual":
        return []
    return await patterns.newest_quotes(connection, row["project_id"], row["id"], limit=QUOTES)


async def _keep_version(connection: Connection, caller: Caller, row: Row) -> None:
    version = {**row, "id": str(row["id"])}
    await patterns.insert_versions(
        connection,
        row["project_id"],
        [(row["version"], version)],
        created_by=author(caller),
        correlation_id=correlation_id(),
    )


def _for_people() -> Forbidden:
    return Forbidden(
        "An agent proposes; the status of a pattern, and one that is decided, are for people.", fix="Ask a member."
    )
