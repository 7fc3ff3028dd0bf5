"""What found patterns are found by: words always, a vector where whose words they are made of allows one."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from service.extraction.consolidate import Consolidated
from service.matching.embedder import Embedder
from service.matching.indexing import Indexed, IndexText, prepare
from service.storage import search
from service.storage.database import Connection, Database, Role
from service.storage.interactions import Row
from service.storage.permission import Origin, of_interactions, of_patterns, together

Rows = Mapping[tuple[str, str], Row]


async def index_outcome(
    database: Database,
    embedder: Embedder | None,
    project_id: UUID,
    model_id: int,
    outcome: Sequence[Consolidated],
    texts: Sequence[IndexText],
    row_of: Rows,
) -> list[Indexed]:
    """An entry for each pattern; outside of any transaction.

    A model in this process embeds every one. At a vendor only what is new or changed is embedded, and paid for; the
    others keep their vectors.
    """
    if embedder is None or not embedder.at_vendor:
        return await prepare(texts, embedder, [Origin()] * len(texts))
    changed = [n for n, c in enumerate(outcome) if c.changed]
    same = {n: UUID(c.known.id) for n, c in enumerate(outcome) if c.known and not c.changed}
    async with database.transaction(Role.SERVICE) as connection:
        origins = await _origins(connection, project_id, outcome, row_of)
        kept = await search.vectors(connection, project_id, model_id, list(same.values()))
    entries = await prepare(texts, None, origins)
    made = await prepare([texts[n] for n in changed], embedder, [origins[n] for n in changed])
    for n, entry in zip(changed, made, strict=True):
        entries[n] = entry
    for n, pattern_id in same.items():
        entries[n] = msgspec.structs.replace(entries[n], vector=kept.get(pattern_id))
    return entries


async def index_again(
    embedder: Embedder | None, texts: Sequence[IndexText], before: Mapping[IndexText, Indexed]
) -> list[Indexed]:
    """The same within the writing transaction, where nothing is sent: what was not embedded before it, is later."""
    if embedder is None or not embedder.at_vendor:
        return await prepare(texts, embedder, [Origin()] * len(texts))
    entries = await prepare(texts, None, [Origin()] * len(texts))
    return [before.get(text, entry) for text, entry in zip(texts, entries, strict=True)]


async def _origins(
    connection: Connection, project_id: UUID, outcome: Sequence[Consolidated], row_of: Rows
) -> list[Origin]:
    """Whose words each pattern is made of: all that show it now, and all that it rests on already."""
    shown = {row["id"] for c in outcome for member in c.pattern.members if (row := row_of.get(member))}
    of_member = await of_interactions(connection, project_id, shown)
    of_known = await of_patterns(connection, project_id, [UUID(c.known.id) for c in outcome if c.known])

    def origin(c: Consolidated) -> Origin:
        members = [of_member[row["id"]] if (row := row_of.get(key)) else Origin() for key in c.pattern.members]
        return together(project_id, [*members, *([of_known[UUID(c.known.id)]] if c.known else [])])

    return [origin(c) for c in outcome]
