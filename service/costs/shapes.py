"""What a cost report holds. Money stands in every amount twice: whole nano-dollars, and decimal dollars in a text."""

from datetime import date
from uuid import UUID

import msgspec

from service.costs.money import Money


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Calls added up. `cost` is what vendors charge.

    `answered`: calls whose answer stood. `failed`: the part of the cost that went to the others. `estimated`: the part
    of which the vendor said nothing, so that the most it can be is counted. `input_tokens` are all that were read,
    those from and into a cache among them.
    """

    calls: int
    answered: int
    estimated_calls: int
    cost: Money
    estimated: Money
    failed: Money
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int


class Line(Sums, frozen=True, kw_only=True):
    """One line of a breakdown. `key` null: what belongs to no project or source, or to one that was erased."""

    key: str | None
    name: str


class Today(msgspec.Struct, frozen=True):
    """The day so far (UTC)."""

    day: date
    calls: int
    cost: Money
    estimated: Money


class Left(msgspec.Struct, frozen=True):
    """Of a budget in a day or month. `limit` null: none is set. `held`: reserved for calls under way."""

    limit: Money | None
    settled: Money
    held: Money
    left: Money | None


class BudgetLeft(msgspec.Struct, frozen=True):
    """A budget. `closed`: nobody has set a limit, and without one it grants nothing."""

    key: str
    name: str
    closed: bool
    day: Left
    month: Left


class PullRequestCost(msgspec.Struct, frozen=True):
    """One pull request, by its interaction's id; its key and source as far as the caller may know them."""

    interaction_id: UUID
    project_id: UUID | None
    external_key: str | None
    source: str | None
    calls: int
    cost: Money


class PullRequests(msgspec.Struct, frozen=True):
    """Pull requests that a model was asked about, local ones included. Null amounts: there is none."""

    pull_requests: int
    cost: Money
    mean: Money | None
    median: Money | None
    p90: Money | None
    dearest: tuple[PullRequestCost, ...]


class Use(msgspec.Struct, frozen=True):
    """One side of local against commercial. `hours`: how long its models were at work."""

    calls: int
    answered: int
    input_tokens: int
    output_tokens: int
    hours: float
    cost: Money


class LocalAgainstCommercial(msgspec.Struct, frozen=True):
    """Who did the work. `local.cost` is the time of local models at a price an hour, which nobody bills."""

    local: Use
    commercial: Use
    usd_per_hour: str
    local_share_of_answers: float | None


class Savings(msgspec.Struct, frozen=True):
    """What the same work would have cost by one model alone. `saved` below zero: that would have been cheaper."""

    baseline: str
    price_version: str
    tasks: int
    would_have_cost: Money
    paid: Money
    paid_for_failures: Money
    local_compute: Money
    saved: Money
    assumption: str


class Forecast(msgspec.Struct, frozen=True):
    """What the month will have cost at its end, if the days left are like the last ones."""

    month: str
    so_far: Money
    days_seen: int
    days_left: int
    mean_day: Money
    expected: Money
    low: Money
    high: Money
    assumption: str


class CostReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a range of days (UTC, both counted) cost. Every `by_` sums to `total`."""

    first: date
    last: date
    project_id: UUID | None
    today: Today
    total: Sums
    by_day: tuple[Line, ...]
    by_vendor: tuple[Line, ...]
    by_model: tuple[Line, ...]
    by_task_type: tuple[Line, ...]
    by_project: tuple[Line, ...]
    by_source: tuple[Line, ...]
    by_place: tuple[Line, ...]
    by_result: tuple[Line, ...]
    pull_requests: PullRequests
    use: LocalAgainstCommercial
    held_back_tasks: int
    budgets: tuple[BudgetLeft, ...]
    savings: Savings | None
    forecast: Forecast | None
    notes: tuple[str, ...]
