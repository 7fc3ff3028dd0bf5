"""What the ledger says, read as the caller: sums by day, vendor, model and whatever else it was spent on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from service.storage.database import Connection, only_row
from service.storage.queries import load

SQL = load("costs")

# The bits of `grouping` in the query, each set where the rows are NOT broken down by that column.
_COLUMNS = ("day", "vendor", "model", "task_type", "project_id", "source_id", "place", "result")
_BROKEN_DOWN = {
    "total": (),
    "day": ("day",),
    "vendor": ("vendor",),
    "model": ("model",),
    "task_type": ("task_type",),
    "project": ("project_id",),
    "source": ("project_id", "source_id"),
    "place": ("place",),
    "result": ("result",),
}
_PARTS = {
    sum(1 << (len(_COLUMNS) - 1 - n) for n, column in enumerate(_COLUMNS) if column not in by): name
    for name, by in _BROKEN_DOWN.items()
}


class Range(msgspec.Struct, frozen=True):
    """Days in UTC, both counted; of one project, or of all that the caller may see."""

    first: date
    last: date
    project_id: UUID | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """As the queries name them."""
        return msgspec.structs.asdict(self)


class SumRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls added up. `answered`: those whose answer stood; `failed_nusd`: what the others cost."""

    calls: int
    answered: int
    estimated_calls: int
    cost_nusd: int
    estimated_nusd: int
    failed_nusd: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    latency_ms: int


class DayRow(msgspec.Struct, frozen=True):
    """One day's calls and cost."""

    day: date
    calls: int
    cost_nusd: int
    estimated_nusd: int


class DearRow(msgspec.Struct, frozen=True):
    """One pull request; its key and source as far as the caller may know them."""

    interaction_id: UUID
    project_id: UUID | None
    calls: int
    cost_nusd: int
    external_key: str | None
    source: str | None


class PullRequestRow(msgspec.Struct, frozen=True):
    """What pull requests cost, and the dearest ten; median and p90 None where there is none."""

    pull_requests: int
    cost_nusd: int
    median_nusd: int | None
    p90_nusd: int | None
    dearest: tuple[DearRow, ...]


class ValidatedRow(msgspec.Struct, frozen=True):
    """Of calls in one tier (from 1) of a price: tokens of those that stood, and what all of them cost."""

    tier: int
    tasks: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost_nusd: int
    failed_nusd: int
    local_ms: int


class BudgetRow(msgspec.Struct, frozen=True):
    """A budget today and this month. A limit of None is none."""

    key: str
    project: str | None
    day_limit_nusd: int | None
    month_limit_nusd: int | None
    day_settled_nusd: int
    day_held_nusd: int
    month_settled_nusd: int
    month_held_nusd: int


class LedgerDay(msgspec.Struct, frozen=True):
    """A commercial model's day. Tokens of input are all that were read."""

    day: date
    vendor: str
    model: str
    calls: int
    cost_nusd: int
    input_tokens: int
    output_tokens: int


async def ledger_days(connection: Connection, of: Range, vendors: Collection[str]) -> list[LedgerDay]:
    """Commercial calls of these vendors, by day and model."""
    cursor = await connection.execute(SQL["ledger_days"], {**of.parameters, "vendors": list(vendors)})
    return [LedgerDay(**row) for row in await cursor.fetchall()]


class PastRow(msgspec.Struct, frozen=True, kw_only=True):
    """A task that a model was asked to do, with all attempts. `remote_models` None: its source is gone.

    `seen_by`: commercial vendors that it went to.
    """

    task_type: str
    importance: str
    complexity: float
    began_at: datetime
    source_id: UUID | None
    remote_models: str | None
    remote_vendors: list[str] | None
    bytes_out: int
    input_tokens: int
    output_tokens: int
    cost_nusd: int
    stood: bool
    attempts: int
    input_hash: str | None
    seen_by: list[str]


class AskedRow(msgspec.Struct, frozen=True):
    """A model that was asked."""

    vendor: str
    model: str
    place: str
    most_input_tokens: int


async def past_tasks(connection: Connection, of: Range, *, task_types: Collection[str], limit: int) -> list[PastRow]:
    """Up to `limit` tasks of these types, the newest first."""
    cursor = await connection.execute(
        SQL["past_tasks"], {**of.parameters, "task_types": list(task_types), "limit": limit}
    )
    return [PastRow(**row) for row in await cursor.fetchall()]


async def models_asked(connection: Connection, of: Range, task_types: Collection[str]) -> list[AskedRow]:
    """Models that were asked to do tasks of these types."""
    cursor = await connection.execute(SQL["models_asked"], {**of.parameters, "task_types": list(task_types)})
    return [AskedRow(**row) for row in await cursor.fetchall()]


async def never_asked(connection: Connection, of: Range) -> int:
    """How many tasks no model was asked to do; of projects that the caller is in."""
    return (await only_row(await connection.execute(SQL["never_asked"], of.parameters)))["tasks"]


async def sums(connection: Connection, of: Range) -> dict[str, list[tuple[tuple[Any, ...], SumRow]]]:
    """Breakdown -> (its key, sums). `total` has one, with an empty key; a source's key is (project, source)."""
    cursor = await connection.execute(SQL["sums"], of.parameters)
    found: dict[str, list[tuple[tuple[Any, ...], SumRow]]] = {name: [] for name in _BROKEN_DOWN}
    for row in await cursor.fetchall():
        name = _PARTS[row["part"]]
        key = tuple(row[column] for column in _BROKEN_DOWN[name])
        found[name].append((key, SumRow(**{field: row[field] for field in SumRow.__struct_fields__})))
    return found


async def names(connection: Connection, ids: Collection[UUID]) -> dict[UUID, str]:
    """Names of projects and sources, those that the caller may know."""
    cursor = await connection.execute(SQL["names"], {"ids": list(ids)})
    return {row["id"]: row["name"] for row in await cursor.fetchall()}


async def days(connection: Connection, of: Range) -> list[DayRow]:
    """The days on which anything was asked."""
    cursor = await connection.execute(SQL["days"], of.parameters)
    return [DayRow(**row) for row in await cursor.fetchall()]


async def first_day(connection: Connection, project_id: UUID | None) -> date | None:
    """When the ledger begins."""
    return (await only_row(await connection.execute(SQL["first_day"], {"project_id": project_id})))["day"]


async def today(connection: Connection) -> date:
    """The day that the database has it, in UTC."""
    return (await only_row(await connection.execute(SQL["today"])))["day"]


async def pull_requests(connection: Connection, of: Range) -> PullRequestRow:
    """What was spent on pull requests."""
    row = await only_row(await connection.execute(SQL["pull_requests"], of.parameters))
    return msgspec.convert(row, PullRequestRow)


async def validated(
    connection: Connection, of: Range, *, starts: Sequence[int], task_types: Collection[str]
) -> list[ValidatedRow]:
    """Tokens by tier of a price, whose tiers begin at `starts`; of calls for tasks of these types only."""
    cursor = await connection.execute(
        SQL["validated"], {**of.parameters, "starts": list(starts), "task_types": list(task_types)}
    )
    return [ValidatedRow(**row) for row in await cursor.fetchall()]


async def held_back(connection: Connection, of: Range) -> int:
    """How many tasks stayed because their source denies models elsewhere."""
    return (await only_row(await connection.execute(SQL["held_back"], of.parameters)))["tasks"]


async def budgets(connection: Connection, project_id: UUID | None, day: date) -> list[BudgetRow]:
    """Up to 200 budgets with what is left of them; with a project, those that pay for it."""
    cursor = await connection.execute(SQL["budgets"], {"project_id": project_id, "today": day})
    return [BudgetRow(**_in_order(row)) for row in await cursor.fetchall()]


def _in_order(row: Mapping[str, Any]) -> dict[str, Any]:
    return {field: row[field] for field in BudgetRow.__struct_fields__}
