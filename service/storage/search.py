"""The narrow tables of a match: which model they belong to, writing them, and the query itself."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from service.errors import RequestInvalid
from service.storage.database import Connection, only_row
from service.storage.queries import load

SQL = load("search")
Row = dict[str, Any]

BULK = 20
"""Patterns written at once that change what the planner should know; fewer it learns of in time by itself."""


class Model(msgspec.Struct, frozen=True):
    """An embedding model that is known to the installation; `dimension` is None for id 0, words alone."""

    id: int
    name: str
    dimension: int | None


EXACT_ROWS = 20_000
"""Up to so many patterns, counted after the filters, all are looked at; beyond it the index of the vectors is asked."""


class Scope(msgspec.Struct, frozen=True):
    """What a match looks through: projects under a model. `audience`: ids of the repository whose answer it is, as each
    project knows it; None for a member, who sees everything of theirs.
    """

    model_id: int
    projects: Sequence[UUID]
    audience: Sequence[UUID] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """As the queries name them."""
        audience = None if self.audience is None else list(self.audience)
        return {"model_id": self.model_id, "projects": list(self.projects), "audience": audience}


async def active_model(connection: Connection) -> Model | None:
    """The model that rows are stored under, if any has been set."""
    cursor = await connection.execute(SQL["active_model"])
    row = await cursor.fetchone()
    return Model(row["id"], row["name"], row["dimension"]) if row else None


async def register_model(connection: Connection, name: str, dimension: int | None) -> int:
    """The model's id; its partition is made if it is new."""
    cursor = await connection.execute(SQL["register_model"], {"name": name, "dimension": dimension})
    row = await only_row(cursor)
    return int(row["id"])


async def activate_model(connection: Connection, model_id: int) -> None:
    """Make a model the one that rows are stored and searched under."""
    await connection.execute(SQL["deactivate_models"], {"model_id": model_id})
    await connection.execute(SQL["activate_model"], {"model_id": model_id})


async def counts(connection: Connection) -> list[Row]:
    """Rows by model: name, active, rows, without_vector."""
    cursor = await connection.execute(SQL["count_indexed"])
    return await cursor.fetchall()


async def count_rows(connection: Connection) -> int:
    """How many patterns have a row, under whatever model."""
    return sum(row["rows"] for row in await counts(connection))


async def delete_indexed(connection: Connection, project_id: UUID, ids: Sequence[UUID]) -> None:
    """Take patterns out of the search tables."""
    await connection.execute(SQL["delete_indexed"], {"project_id": project_id, "ids": list(ids)})


async def insert_indexed(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the narrow table: model_id, project_id, pattern_id, embedding or None, length_name, length_body."""
    async with connection.cursor() as cursor:
        await cursor.executemany(SQL["insert_indexed"], rows)


async def insert_terms(connection: Connection, project_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the inverted index: term, pattern_id, in_name, in_body."""
    if rows:
        await connection.execute(SQL["insert_terms"], {"project_id": project_id, "rows": Jsonb(list(rows))})


async def indexable(connection: Connection) -> list[Row]:
    """Every pattern of the installation with what it is found by, by project."""
    cursor = await connection.execute(SQL["indexable"])
    return await cursor.fetchall()


async def vectors(
    connection: Connection, project_id: UUID, model_id: int, ids: Sequence[UUID]
) -> dict[UUID, NDArray[np.float32]]:
    """The vectors that patterns of a project have under a model."""
    if not ids:
        return {}
    parameters = {"project_id": project_id, "model_id": model_id, "ids": list(ids)}
    cursor = await connection.execute(SQL["vectors"], parameters)
    return {row["pattern_id"]: row["embedding"].to_numpy().astype(np.float32) for row in await cursor.fetchall()}


async def lacking(connection: Connection, model_id: int, project_id: UUID | None = None) -> list[Row]:
    """Patterns without a vector under a model: project_id, pattern_id, since (when they were indexed)."""
    cursor = await connection.execute(SQL["lacking"], {"model_id": model_id, "project_id": project_id})
    return await cursor.fetchall()


async def give_vectors(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Give vectors (model_id, project_id, pattern_id, since, embedding) to those that say still what they said."""
    given = 0
    async with connection.cursor() as cursor:
        for row in rows:
            await cursor.execute(SQL["give_vector"], row)
            given += cursor.rowcount
    return given


async def know_model(
    connection: Connection, name: str, dimension: int, answered_as: str, *, anew: bool = False
) -> tuple[int | None, str | None]:
    """Dimension and answering model of a vendor's model, as they are known; those given where nothing was.

    `anew` replaces what was known, and takes the vectors of before away.
    """
    cursor = await connection.execute(
        SQL["know_model"], {"name": name, "dimension": dimension, "answered_as": answered_as, "anew": anew}
    )
    row = await only_row(cursor)
    return row["dimension"], row["answered_as"]


async def hold_models(connection: Connection) -> None:
    """Wait for a rebuild and keep the next one waiting, until the transaction ends."""
    await connection.execute(SQL["hold_models"])


async def lock_models(connection: Connection) -> None:
    """Keep others from writing search rows until the transaction ends."""
    await connection.execute(SQL["lock_models"])


async def drop_interaction_vectors(connection: Connection, model_id: int) -> None:
    """Forget the vectors of interactions under models other than this one."""
    await connection.execute(SQL["drop_interaction_vectors"], {"model_id": model_id})


async def audience(connection: Connection, projects: Sequence[UUID], named: str) -> list[UUID]:
    """The repository of an id, external id or name, as each of the projects knows it; empty if there is none.

    Raises RequestInvalid where several repositories have the name.
    """
    cursor = await connection.execute(SQL["audience"], {"projects": list(projects), "named": named})
    rows = await cursor.fetchall()
    if len({row["external_id"] for row in rows}) > 1:
        raise RequestInvalid("Several repositories have the audience's name.", fix="Give its id or its external id.")
    return [row["id"] for row in rows]


async def corpus(connection: Connection, scope: Scope, terms: Sequence[str]) -> Row:
    """Counts over the patterns in scope, and of those that hold each term."""
    cursor = await connection.execute(SQL["corpus"], {**scope.parameters, "terms": list(terms)})
    return await only_row(cursor)


async def candidates(connection: Connection, scope: Scope, parameters: Mapping[str, Any]) -> list[Row]:
    """The nearest patterns by vector and by words; the parameters are those of the query.

    `by_index` is for measuring alone: how others fill the index decides it too, so it must never be shown.
    """
    cursor = await connection.execute(SQL["candidates"], {**scope.parameters, **parameters})
    return await cursor.fetchall()


async def shared_terms(
    connection: Connection, scope: Scope, ids: Sequence[UUID], terms: Sequence[str]
) -> dict[UUID, list[Row]]:
    """For each of some patterns which of the terms it holds: term, in_name, in_body."""
    parameters = {"projects": list(scope.projects), "ids": list(ids), "terms": list(terms)}
    cursor = await connection.execute(SQL["shared_terms"], parameters)
    found: dict[UUID, list[Row]] = {}
    for row in await cursor.fetchall():
        found.setdefault(row["pattern_id"], []).append(row)
    return found


async def matched(connection: Connection, scope: Scope, ids: Sequence[UUID], *, quotes: int) -> dict[UUID, Row]:
    """What a match says about patterns, with at most so many quotes each, the newest first."""
    cursor = await connection.execute(SQL["matched"], {**scope.parameters, "ids": list(ids), "quotes": quotes})
    return {row["pattern_id"]: row for row in await cursor.fetchall()}


async def count_matches(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add to the counts of matches: pattern_id, matches, matched_at (ISO 8601)."""
    if rows:
        await connection.execute(SQL["count_matches"], {"rows": Jsonb(list(rows))})


async def refresh_statistics(connection: Connection) -> None:
    """Tell the planner about a bulk write, in a transaction of its own after it."""
    await connection.execute(SQL["refresh_statistics"])
