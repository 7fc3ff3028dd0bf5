"""Which commercial vendors may see what a text is made of: the strictest of every source that lent it a word."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias
from uuid import UUID

import msgspec

from service.storage.database import Connection
from service.storage.queries import load

SQL = load("permission")

Vendors: TypeAlias = frozenset[str] | None
"""Vendors that are allowed: None for any, empty for none."""

NOBODY: frozenset[str] = frozenset()


class Origin(msgspec.Struct, frozen=True):
    """Whose words a text is made of. `source_id`: the one source that they are all from, None for several."""

    vendors: Vendors = NOBODY
    project_id: UUID | None = None
    source_id: UUID | None = None


class _Known(msgspec.Struct, frozen=True):
    """A project's sources with what each allows. A source that is gone, or not seen, allows nobody."""

    allows: Mapping[UUID, Vendors]
    own_words: Vendors

    def origin(self, project_id: UUID, sources: Collection[UUID], *, own_words: bool = False) -> Origin:
        vendors = strictest(self.allows.get(source, NOBODY) for source in sources) if sources else NOBODY
        if own_words:
            vendors = strictest([vendors, self.own_words])
        return Origin(vendors, project_id, next(iter(sources)) if len(set(sources)) == 1 else None)


def strictest(permissions: Iterable[Vendors]) -> Vendors:
    """The vendors that every one of these allows; of none at all, any."""
    allowed: Vendors = None
    for one in permissions:
        if one is not None:
            allowed = one if allowed is None else allowed & one
    return allowed


def together(project_id: UUID, origins: Collection[Origin]) -> Origin:
    """What is made of the words of all of these; of nothing, it is for nobody."""
    sources = {origin.source_id for origin in origins}
    vendors = strictest(origin.vendors for origin in origins) if origins else NOBODY
    return Origin(vendors, project_id, sources.pop() if len(sources) == 1 else None)


def allows(vendors: Vendors, vendor: str) -> bool:
    """Whether a vendor is among those that are allowed."""
    return vendors is None or vendor in vendors


async def allowed_vendors(
    connection: Connection,
    project_id: UUID,
    *,
    interactions: Collection[UUID] = (),
    patterns: Collection[UUID] = (),
) -> Vendors:
    """Vendors that may see words of all of these interactions, and of these patterns with all their evidence.

    The strictest over every source of them. A commit that came in from several sources is as strict as each of them. A
    pattern that somebody wrote or edited is besides as strict as the source of hand-written ones; one without evidence,
    or with some of it erased, as the project's strictest source. What is not there, or not seen, allows nobody; so does
    asking about nothing.
    """
    found = [
        *(await of_interactions(connection, project_id, interactions)).values(),
        *(await of_patterns(connection, project_id, patterns)).values(),
    ]
    return strictest(origin.vendors for origin in found) if found else NOBODY


async def of_interactions(connection: Connection, project_id: UUID, ids: Collection[UUID]) -> dict[UUID, Origin]:
    """The same for each interaction by itself."""
    if not ids:
        return {}
    known = await _known(connection, project_id)
    cursor = await connection.execute(SQL["interactions"], {"project_id": project_id, "ids": list(ids)})
    found = {
        row["id"]: msgspec.structs.replace(
            # Told of where it stands, however many others have the same commit.
            known.origin(project_id, {row["source_id"], *row["others"]}),
            source_id=row["source_id"],
        )
        for row in await cursor.fetchall()
    }
    return {one: found.get(one, Origin(NOBODY, project_id)) for one in ids}


async def of_patterns(connection: Connection, project_id: UUID, ids: Collection[UUID]) -> dict[UUID, Origin]:
    """The same for each pattern by itself."""
    if not ids:
        return {}
    known = await _known(connection, project_id)
    cursor = await connection.execute(SQL["patterns"], {"project_id": project_id, "ids": list(ids)})
    found: dict[UUID, Origin] = {}
    for row in await cursor.fetchall():
        sources = {*row["evidence"], *row["private_to"]}
        # What it said before may be in its words still, and nobody knows any more where that came from.
        if not row["evidence"] or row["erased"]:
            sources |= set(known.allows)
        found[row["id"]] = known.origin(project_id, sources, own_words=row["written"])
    return {one: found.get(one, Origin(NOBODY, project_id)) for one in ids}


async def of_own_words(connection: Connection, project_id: UUID) -> Origin:
    """What somebody writes into the project themselves: as strict as its hand-written patterns; before any, closed."""
    known = await _known(connection, project_id)
    return Origin(known.own_words, project_id)


async def of_sources(connection: Connection, project_id: UUID, sources: Collection[UUID]) -> Origin:
    """What is made of words of these sources; of none, nobody may see it."""
    return (await _known(connection, project_id)).origin(project_id, sources)


async def of_question(
    connection: Connection, projects: Collection[UUID], audience: Collection[UUID] | None = None
) -> Origin:
    """What a caller asks of these projects in their own words: a vendor may see it that a source of each one allows.

    Where an audience is named the question comes from there, and each of its sources has to allow the vendor.
    """
    cursor = await connection.execute(SQL["sources"], {"projects": list(projects)})
    rows = await cursor.fetchall()
    asked = set(audience or ())
    by_project: dict[UUID, Vendors] = dict.fromkeys(projects, NOBODY)
    heard: list[Vendors] = [_allowed(row) for row in rows if row["id"] in asked]
    for row in rows:
        by_project[row["project_id"]] = _either(by_project[row["project_id"]], _allowed(row))
    if not by_project or len(heard) < len(asked):
        return Origin()
    return Origin(strictest([*by_project.values(), *heard]), next(iter(projects)) if len(by_project) == 1 else None)


async def _known(connection: Connection, project_id: UUID) -> _Known:
    cursor = await connection.execute(SQL["sources"], {"projects": [project_id]})
    rows = await cursor.fetchall()
    own = [_allowed(row) for row in rows if row["own_words"]]
    return _Known({row["id"]: _allowed(row) for row in rows}, own[0] if own else NOBODY)


def _allowed(row: Mapping[str, object]) -> Vendors:
    if row["remote_models"] != "allow":
        return NOBODY
    named = msgspec.convert(row["remote_vendors"], list[str])
    return frozenset(named) or None


def _either(one: Vendors, other: Vendors) -> Vendors:
    return None if one is None or other is None else one | other
