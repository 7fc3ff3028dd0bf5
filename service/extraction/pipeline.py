"""From stored interactions to stored patterns: whose turn it is, what to read, extract, and hand over to storing."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from routing.complexity import DEFAULT, Weights
from routing.router import Router
from service.errors import InputInvalid, NotFound
from service.extraction.asking import Heard, Reader, ask_models
from service.extraction.builtin import Extraction, embedding_text, extract_document, extract_recurring, teaches
from service.extraction.interaction import Details, Interaction, Kind
from service.extraction.redact import redact, redact_values
from service.extraction.storing import Batch, ErasedMeanwhile, LearnedPattern, store_extraction
from service.matching.embedder import Embedder
from service.matching.filling import fill
from service.matching.model import active_model
from service.storage import interactions
from service.storage.database import Connection, Database, Role
from service.storage.interactions import Row
from service.storage.permission import Origin, of_interactions

# How many texts are embedded between two commits of their vectors.
EMBED_BATCH = 128
WAITING = ("received", "processing")

Progress = Callable[[str, int, int], None]
Found = Callable[[LearnedPattern], None]


class Learned(msgspec.Struct, frozen=True):
    """What a run read and did. `left_out`: reason -> commits; `reason`: why there is no pattern.

    Of an interaction that is no commit, `interaction_id`; `readers`: who read it; `dropped`: how much of what models
    said does not stand in its text.
    """

    commits: int
    learned_from: int
    left_out: Mapping[str, int]
    patterns: tuple[LearnedPattern, ...]
    reason: str | None = None
    readers: tuple[Reader, ...] = ()
    dropped: int = 0
    interaction_id: UUID | None = None


def _silent(_stage: str, _done: int, _total: int) -> None:
    return


def _unheard(_pattern: LearnedPattern) -> None:
    return


@asynccontextmanager
async def learning(database: Database, project_id: UUID, *, wait: bool = True) -> AsyncGenerator[bool]:
    """Hold a project's learning lock; yields False at once, without it, when somebody holds it and `wait` is False."""
    async with database.transaction(Role.SERVICE, apart=True) as connection:
        yield await interactions.lock_learning(connection, project_id, wait=wait)


async def learn_history(
    database: Database,
    embedder: Embedder | None,
    project_id: UUID,
    *,
    progress: Progress = _silent,
    wait: bool = True,
) -> Learned | None:
    """Learn from a project's waiting commits; None when somebody else is at it and `wait` is False."""
    async with learning(database, project_id, wait=wait) as taken:
        return await learn_waiting(database, embedder, project_id, progress=progress) if taken else None


async def learn_waiting(
    database: Database,
    embedder: Embedder | None,
    project_id: UUID,
    *,
    progress: Progress = _silent,
    found: Found = _unheard,
) -> Learned:
    """The same for a caller that holds the learning lock.

    Recurrence is a matter of the whole history, so all of it is looked at whenever something new has come.
    Vectors are kept as they are made; patterns are written in one transaction or not at all. `found` is called for
    each pattern once it is stored. Begins anew when something of it is erased meanwhile.
    """
    while True:
        try:
            learned = await _learn_once(database, embedder, project_id, progress, found)
        except ErasedMeanwhile:
            continue
        await fill(database, embedder, project_id)
        return learned


async def _learn_once(
    database: Database, embedder: Embedder | None, project_id: UUID, progress: Progress, found: Found
) -> Learned:
    async with database.transaction(Role.SERVICE) as connection:
        if not await interactions.waiting(connection, project_id):
            return Learned(0, 0, {}, ())
        rows = await interactions.history(connection, project_id)
        model_id = await active_model(connection, embedder)
    rows = await _once_each(database, project_id, rows)
    rows, history = await _readable(database, project_id, rows)
    reasons = await asyncio.to_thread(teaches, history)
    vectors = await _vectors(database, embedder, project_id, model_id, rows, history, reasons, progress)
    progress("extract", 0, 1)
    extraction = await asyncio.to_thread(extract_recurring, history, vectors)
    progress("extract", 1, 1)

    waiting = {row["id"]: reason for row, reason in zip(rows, reasons, strict=True) if row["state"] in WAITING}
    batch = Batch(project_id, model_id, rows, history, waiting, status="active")
    stored = await store_extraction(database, embedder, batch, extraction)
    for pattern in stored:
        found(pattern)
    return Learned(
        len(waiting), len(history) - sum(extraction.left_out.values()), extraction.left_out, stored, extraction.reason
    )


async def process_interaction(
    database: Database,
    embedder: Embedder | None,
    interaction_id: UUID,
    *,
    router: Router | None = None,
    weights: Weights = DEFAULT,
    wait: bool = True,
) -> Learned | None:
    """Learn from one interaction that is no commit; None when it is done already. Harmless to repeat.

    Models read it as far as any can and may; the built-in extractor reads the rest at once, and all of it without a
    `router`. Where somebody else is at it, this waits for them, or without `wait` leaves it to them and answers None:
    read by two it would be paid twice.
    """
    if router is None or not router.catalog.models:
        return await _process(database, embedder, interaction_id, router, weights)
    async with _alone_at(database, interaction_id, wait=wait) as alone:
        return await _process(database, embedder, interaction_id, router, weights) if alone else None


@asynccontextmanager
async def _alone_at(database: Database, interaction_id: UUID, *, wait: bool) -> AsyncGenerator[bool]:
    async with database.transaction(Role.SERVICE, apart=True) as connection:
        yield await interactions.lock_processing(connection, interaction_id, wait=wait)


async def _process(
    database: Database, embedder: Embedder | None, interaction_id: UUID, router: Router | None, weights: Weights
) -> Learned | None:
    async with database.transaction(Role.SERVICE) as connection:
        if not await interactions.begin_attempt(connection, interaction_id):
            return None
        row = await interactions.one(connection, interaction_id)
        if row is None:
            raise NotFound("The interaction is gone.")
        model_id = await active_model(connection, embedder)
        if not row["redacted"]:
            row = await _redacted(connection, row)
    try:
        interaction = as_interaction(row)
    except msgspec.ValidationError:
        raise InputInvalid("The metadata cannot be read.", fix="Hand the text in again, without metadata.") from None
    heard = await ask_models(database, router, interaction, row, weights=weights)
    extraction = await asyncio.to_thread(_whole, interaction, heard)
    batch = Batch(
        row["project_id"], model_id, [row], [interaction], {row["id"]: None}, status="proposed", tasks=heard.tasks
    )
    stored = await store_extraction(database, embedder, batch, extraction)
    return Learned(1, 1, extraction.left_out, stored, extraction.reason, heard.readers, heard.dropped, interaction_id)


def _whole(interaction: Interaction, heard: Heard) -> Extraction:
    """What models found, and what the built-in extractor finds in the pieces that none of them read."""
    found = {pattern.key: pattern for pattern in heard.patterns}
    built = extract_document(interaction) if heard.unread else None
    for pattern in built.patterns if built else ():
        at = pattern.evidence[0].char_start
        if any(start <= at < end for start, end in heard.unread):
            found.setdefault(pattern.key, pattern)
    if found:
        return Extraction(tuple(found.values()))
    if heard.nothing:
        return Extraction((), reason=f"There is nothing in it to learn from: {heard.nothing.rstrip('.')}.")
    return Extraction((), reason=built.reason if built else "No pattern is stated in it.")


async def _redacted(connection: Connection, row: Row) -> Row:
    """What a team client handed in, without its secrets; stored so before anything else reads it."""
    text = await asyncio.to_thread(redact, row["text"])
    metadata = await asyncio.to_thread(redact_values, row["metadata"])
    await interactions.replace_unredacted(connection, row["id"], text.text, metadata)
    return {**row, "text": text.text, "metadata": metadata, "redacted": True}


async def _once_each(database: Database, project_id: UUID, rows: Sequence[Row]) -> list[Row]:
    """Each commit once, though a fork or a file brought it again: the first stored, as private as any of them."""
    first: dict[tuple[str, str], Row] = {}
    again: list[UUID] = []
    for row in rows:
        kept = first.setdefault((row["external_key"], row["revision"]), row)
        if kept is not row:
            again.append(row["id"])
            if row["visibility"] == "private":
                kept["visibility"] = "private"
    if again:
        async with database.transaction(Role.SERVICE) as connection:
            await interactions.finish(connection, project_id, again, "ignored", "same commit in another source")
    return list(first.values())


async def _readable(database: Database, project_id: UUID, rows: Sequence[Row]) -> tuple[list[Row], list[Interaction]]:
    """The rows whose metadata can be read, and what they say; the others have failed and are in nobody's way.

    A team client may hand in a row with any metadata, and one of them must not stop a whole history.
    """
    kept: list[Row] = []
    history: list[Interaction] = []
    failed: list[UUID] = []
    for row in rows:
        try:
            history.append(as_interaction(row))
            kept.append(row)
        except msgspec.ValidationError:
            failed.append(row["id"])
    if failed:
        async with database.transaction(Role.SERVICE) as connection:
            await interactions.finish(connection, project_id, failed, "failed", "the metadata cannot be read")
    return kept, history


def as_interaction(row: Row) -> Interaction:
    """A row of `interactions` as the value that extractors read."""
    occurred_at: datetime = row["occurred_at"]
    return Interaction(
        kind=Kind(row["kind"]),
        external_key=row["external_key"],
        revision=row["revision"],
        occurred_at=occurred_at,
        text=row["text"],
        author_key=row["author_key"],
        details=msgspec.convert(row["metadata"], Details),
    )


async def _vectors(
    database: Database,
    embedder: Embedder | None,
    project_id: UUID,
    model_id: int,
    rows: Sequence[Row],
    history: Sequence[Interaction],
    reasons: Sequence[str | None],
    progress: Progress,
) -> NDArray[np.float32] | None:
    """One vector a commit, (n, d), as stored (half precision), so that a resumed run computes with the same numbers.

    Commits that teach nothing are not worth a vector: theirs is zero. So is that of one which may not be sent to a
    vendor, or could not be; the next run tries those again. None where there is no vector at all.
    """
    if embedder is None:
        return None
    async with database.transaction(Role.SERVICE) as connection:
        kept = await interactions.embeddings(connection, project_id, model_id)
    missing = [n for n, row in enumerate(rows) if reasons[n] is None and row["id"] not in kept]
    for start in range(0, len(missing), EMBED_BATCH):
        progress("embed", start, len(missing))
        batch = missing[start : start + EMBED_BATCH]
        origins: Mapping[UUID, Origin] = {}
        if embedder.at_vendor:
            # Asked anew for each batch: what a source denies from now on is not sent from now on.
            async with database.transaction(Role.SERVICE) as connection:
                origins = await of_interactions(connection, project_id, [rows[n]["id"] for n in batch])
        embedded = await embedder.vectors_of(
            [embedding_text(history[n]) for n in batch], [origins.get(rows[n]["id"], Origin()) for n in batch]
        )
        new = [
            (rows[n]["id"], vector.astype(np.float16).astype(np.float32))
            for n, vector in zip(batch, embedded.vectors, strict=True)
            if vector is not None
        ]
        async with database.transaction(Role.SERVICE) as connection:
            await interactions.insert_embeddings(connection, project_id, model_id, new)
        kept.update(new)
        if embedded.stopped:
            break
    progress("embed", len(missing), len(missing))
    if not kept:
        return None
    vectors = np.zeros((len(rows), len(next(iter(kept.values())))), np.float32)
    for n, row in enumerate(rows):
        if row["id"] in kept:
            vectors[n] = kept[row["id"]]
    return vectors
