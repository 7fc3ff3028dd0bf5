"""The arithmetic of a cost report: rows of sums in, a CostReport out. No clock, no database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any
from uuid import UUID

from routing.price import NUSD
from service.costs.money import money
from service.costs.shapes import (
    BudgetLeft,
    Left,
    Line,
    LocalAgainstCommercial,
    PullRequestCost,
    PullRequests,
    Sums,
    Today,
    Use,
)
from service.storage.costs import BudgetRow, DayRow, PullRequestRow, SumRow

NOBODYS = "erased or none"
"""What is spent on belongs to no project or source, or to one that was erased: the money stays."""
MOST_LINES = 100
_MS_PER_HOUR = 3_600_000

Keyed = Sequence[tuple[tuple[Any, ...], SumRow]]


def sums_of(row: SumRow) -> Sums:
    """A row of sums as it is told."""
    return Sums(
        calls=row.calls,
        answered=row.answered,
        estimated_calls=row.estimated_calls,
        cost=money(row.cost_nusd),
        estimated=money(row.estimated_nusd),
        failed=money(row.failed_nusd),
        input_tokens=row.input_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
        output_tokens=row.output_tokens,
    )


def lines(found: Keyed, names: Mapping[UUID, str], *, by_key: bool = False) -> tuple[Line, ...]:
    """A breakdown, the dearest first (`by_key`: in the order of the keys); what is over 100 lines is one line.

    The last part of a key says what the line is about; several whose last part is None are one line.
    """
    merged: dict[Any, SumRow] = {}
    for key, row in found:
        merged[key[-1]] = added(merged[key[-1]], row) if key[-1] in merged else row
    ordered = sorted(merged.items(), key=lambda one: (-one[1].cost_nusd, -one[1].calls, str(one[0])))
    kept, rest = (ordered, []) if by_key else (ordered[:MOST_LINES], ordered[MOST_LINES:])
    if by_key:
        kept = sorted(kept, key=lambda one: str(one[0]))
    told = [_line(None if key is None else str(key), _name(key, names), row) for key, row in kept]
    if rest:
        others = rest[0][1]
        for _, row in rest[1:]:
            others = added(others, row)
        told.append(_line("others", f"{len(rest)} others", others))
    return tuple(told)


def source_names(found: Keyed, names: Mapping[UUID, str]) -> dict[UUID, str]:
    """Sources' names; where two are called the same, with their project's."""
    called = Counter(names.get(source) for (_, source), _ in found)

    def name(project: UUID | None, source: UUID) -> str:
        own = names.get(source, str(source))
        return f"{own} ({names[project]})" if project is not None and project in names and called[own] > 1 else own

    return {source: name(project, source) for (project, source), _ in found if source is not None}


def added(one: SumRow, other: SumRow) -> SumRow:
    """Both together."""
    return SumRow(**{field: getattr(one, field) + getattr(other, field) for field in SumRow.__struct_fields__})


def today_of(day: date, days: Sequence[DayRow]) -> Today:
    """The day so far."""
    row = next((one for one in days if one.day == day), DayRow(day, 0, 0, 0))
    return Today(day, row.calls, money(row.cost_nusd), money(row.estimated_nusd))


def pull_requests_of(row: PullRequestRow) -> PullRequests:
    """Mean, median and p90 of what a pull request cost; the mean is rounded up."""
    mean = -(-row.cost_nusd // row.pull_requests) if row.pull_requests else None
    return PullRequests(
        row.pull_requests,
        money(row.cost_nusd),
        *(None if nusd is None else money(nusd) for nusd in (mean, row.median_nusd, row.p90_nusd)),
        dearest=tuple(
            PullRequestCost(
                one.interaction_id, one.project_id, one.external_key, one.source, one.calls, money(one.cost_nusd)
            )
            for one in row.dearest
        ),
    )


def compute_nusd(milliseconds: int, usd_per_hour: Decimal) -> int:
    """What so much time of local models is worth, rounded up."""
    exact = Decimal(milliseconds) * usd_per_hour * NUSD / _MS_PER_HOUR
    return int(exact.to_integral_value(ROUND_CEILING))


def use_of(by_place: Keyed, usd_per_hour: Decimal) -> LocalAgainstCommercial:
    """Local against commercial work."""
    rows = {key[0]: row for key, row in by_place}
    local, commercial = (_use(rows.get(place)) for place in ("local", "commercial"))
    milliseconds = rows["local"].latency_ms if "local" in rows else 0
    worth = money(compute_nusd(milliseconds, usd_per_hour))
    answered = local.answered + commercial.answered
    return LocalAgainstCommercial(
        local=Use(local.calls, local.answered, local.input_tokens, local.output_tokens, local.hours, worth),
        commercial=commercial,
        usd_per_hour=format(usd_per_hour, "f"),
        local_share_of_answers=round(local.answered / answered, 4) if answered else None,
    )


def budget_left(row: BudgetRow) -> BudgetLeft:
    """What is left of a budget, today and this month."""
    pays_only_if_set = row.key in ("total", "emergency")
    name = f"project {row.project}" if row.project else row.key.replace(":", " ")
    return BudgetLeft(
        row.key,
        name,
        closed=pays_only_if_set and row.day_limit_nusd is None and row.month_limit_nusd is None,
        day=_left(row.day_limit_nusd, row.day_settled_nusd, row.day_held_nusd),
        month=_left(row.month_limit_nusd, row.month_settled_nusd, row.month_held_nusd),
    )


def _left(limit: int | None, settled: int, held: int) -> Left:
    left = None if limit is None else money(max(limit - settled - held, 0))
    return Left(None if limit is None else money(limit), money(settled), money(held), left)


def _use(row: SumRow | None) -> Use:
    if row is None:
        return Use(0, 0, 0, 0, 0.0, money(0))
    hours = round(row.latency_ms / _MS_PER_HOUR, 4)
    return Use(row.calls, row.answered, row.input_tokens, row.output_tokens, hours, money(row.cost_nusd))


def _line(key: str | None, name: str, row: SumRow) -> Line:
    told = sums_of(row)
    return Line(key=key, name=name, **{field: getattr(told, field) for field in Sums.__struct_fields__})


def _name(key: object, names: Mapping[UUID, str]) -> str:
    if key is None:
        return NOBODYS
    return names.get(key, str(key)) if isinstance(key, UUID) else str(key)
