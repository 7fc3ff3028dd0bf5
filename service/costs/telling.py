"""A cost report from the ledger: reads as the caller, then adds nothing but arithmetic."""

from datetime import date, timedelta
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from routing.price import Rates
from routing.task import TaskType
from service.costs.forecast import LOOK_BACK_DAYS, forecast_of
from service.costs.report import budget_left, lines, pull_requests_of, source_names, sums_of, today_of, use_of
from service.costs.savings import dearest, savings_of
from service.costs.shapes import CostReport
from service.errors import Forbidden, RequestInvalid
from service.models.prices import Prices
from service.settings import Settings
from service.storage import costs
from service.storage.costs import Range
from service.storage.database import Caller, Connection
from service.storage.installation import require_operator
from service.storage.members import require_hold

LONGEST_RANGE_DAYS = 366
Baseline: TypeAlias = tuple[str, Rates] | str
"""What savings are told against, or why they are not told."""
_TASK_TYPES = [type_.value for type_ in TaskType]


def range_of(
    today: date, *, first: date | None = None, last: date | None = None, days: int | None = None, project: UUID | None
) -> Range:
    """The days that are meant: from `first` to `last`, or so many `days` up to `last`; the last 30 where nothing is
    said. Raises RequestInvalid for a range that ends before it begins, or is longer than a year."""
    if first is not None and days is not None:
        raise RequestInvalid("Days are counted back from the last one.", fix="Give the first day or a number of days.")
    end = last or today
    begin = first or date.fromordinal(max(end.toordinal() - (days or 30) + 1, 1))
    if begin > end:
        raise RequestInvalid(f"The range ends on {end}, before it begins on {begin}.", fix="Change the days around.")
    if (end - begin).days >= LONGEST_RANGE_DAYS:
        raise RequestInvalid("A range has at most 366 days.", fix="Ask for one year at a time.")
    return Range(begin, end, project)


async def require_costs(connection: Connection, caller: Caller, project_id: UUID | None) -> None:
    """Raise unless the caller may know costs: operators all of them, and a project's admins theirs.

    Forbidden, or NotFound for a project that they are not in; needs a `writing` transaction.
    """
    if project_id is not None:
        await require_hold(connection, caller, project_id, "admin")
        return
    try:
        await require_operator(connection, caller)
    except Forbidden as error:
        raise Forbidden(error.message, fix="Name a project that you are an admin of, or ask an operator.") from None


async def tell(connection: Connection, of: Range, settings: Settings, baseline: Baseline) -> CostReport:
    """The report of a range; needs a `writing` transaction, since only what the API may read has the ledger."""
    today = await costs.today(connection)
    found = await costs.sums(connection, of)
    names = await costs.names(connection, {part for key, _ in found["source"] for part in key if part is not None})
    first = min(today.replace(day=1), today - timedelta(days=LOOK_BACK_DAYS))
    days = await costs.days(connection, Range(first, today, of.project_id))
    usd_per_hour = Decimal(str(settings.local_compute_usd_per_hour))
    notes: list[str] = []
    savings = None
    if isinstance(baseline, str):
        notes.append(baseline)
    else:
        rows = await costs.validated(
            connection, of, starts=[tier.from_tokens for tier in baseline[1].tiers], task_types=_TASK_TYPES
        )
        savings = savings_of(*baseline, rows, usd_per_hour)
    forecast = forecast_of(today, await costs.first_day(connection, of.project_id), days)
    if forecast is None:
        notes.append("No forecast: it takes two whole days in the ledger.")
    return CostReport(
        first=of.first,
        last=of.last,
        project_id=of.project_id,
        today=today_of(today, days),
        total=sums_of(found["total"][0][1]),
        by_day=lines(found["day"], names, by_key=True),
        by_vendor=lines(found["vendor"], names),
        by_model=lines(found["model"], names),
        by_task_type=lines(found["task_type"], names),
        by_project=lines(found["project"], names),
        by_source=lines(found["source"], source_names(found["source"], names)),
        by_place=lines(found["place"], names),
        by_result=lines(found["result"], names),
        pull_requests=pull_requests_of(await costs.pull_requests(connection, of)),
        use=use_of(found["place"], usd_per_hour),
        held_back_tasks=await costs.held_back(connection, of),
        budgets=tuple(budget_left(row) for row in await costs.budgets(connection, of.project_id, today)),
        savings=savings,
        forecast=forecast,
        notes=tuple(notes),
    )


def baseline_of(settings: Settings, prices: Prices) -> Baseline:
    """The model that savings are told against, with its rates; or why there is none."""
    if settings.savings_baseline is not None:
        vendor, _, model = settings.savings_baseline.partition("/")
        rates = prices.rates(vendor, model) if model else None
        if rates is None:
            return f"No savings: {settings.savings_baseline} of MOTIF_SAVINGS_BASELINE has no known price."
        return settings.savings_baseline, rates
    configured = [
        *(("anthropic", model) for model in settings.anthropic_models if settings.anthropic_api_key),
        *(("openai", model) for model in settings.openai_models if settings.openai_api_key),
        *(("compatible", model) for model in settings.compatible_models if settings.compatible_url),
    ]
    priced = [(f"{vendor}/{model}", rates) for vendor, model in configured if (rates := prices.rates(vendor, model))]
    return dearest(priced) or "No savings: no commercial model is configured, and MOTIF_SAVINGS_BASELINE names none."
