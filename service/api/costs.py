"""/api/v1/costs: what calls to models cost, and what left this machine."""

import asyncio
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.problem import refusals
from service.costs.csv_text import report_csv
from service.costs.egress import EgressSummary, summary_of
from service.costs.shapes import CostReport
from service.costs.telling import baseline_of, range_of, require_costs, tell
from service.models.prices import known_prices
from service.storage import costs, egress
from service.storage.database import Caller
from service.storage.egress import Sent

CSV = "text/csv"

First = Annotated[date | None, QueryParameter(description="First day (UTC); 29 before the last one.")]
Last = Annotated[date | None, QueryParameter(description="Last day (UTC), counted too; today.")]
Days = Annotated[int | None, QueryParameter(ge=1, le=366, description="So many days up to the last one.")]
OfProject = Annotated[
    UUID | None, QueryParameter(description="One project, for its admins; the installation, for operators.")
]
Format = Annotated[
    Literal["json", "csv"] | None, QueryParameter(description="What is answered with; goes before `Accept`.")
]


class EgressPage(msgspec.Struct, frozen=True):
    """Calls that left this machine, the newest first, and the whole range summed up."""

    items: list[Sent]
    next_cursor: str | None
    summary: EgressSummary


@get(
    "/api/v1/costs/report",
    summary="Read what calls to models cost",
    description="For operators, and for admins of the project that is named: every breakdown sums to `total`. With "
    "`Accept: text/csv` or `format=csv` the breakdowns as one table.",
    response_description="The report.",
    tags=["Costs"],
    responses=refusals(404),
    also_answers=(CSV,),
)
async def cost_report(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    project_id: OfProject = None,
    first: First = None,
    last: Last = None,
    days: Days = None,
    format: Format = None,  # noqa: A002 - the parameter's name in the address
) -> Response[CostReport]:
    """Report as the caller."""
    prices = await asyncio.to_thread(known_prices, parts.settings)
    baseline = await asyncio.to_thread(baseline_of, parts.settings, prices)
    async with parts.database.writing(caller) as connection:
        await require_costs(connection, caller, project_id)
        of = range_of(await costs.today(connection), first=first, last=last, days=days, project=project_id)
        report = await tell(connection, of, parts.settings, baseline)
    wants_csv = format == "csv" if format else request.accept.best_match([MediaType.JSON, CSV]) == CSV
    if not wants_csv:
        return Response(report)
    headers = {"content-disposition": f'attachment; filename="motif-costs-{of.first}-{of.last}.csv"'}
    text: Any = report_csv(report).encode()
    return Response(text, media_type=CSV, headers=headers)


@get(
    "/api/v1/costs/egress",
    summary="Read what left this machine",
    description="Every call to a commercial model, and to local ones on other machines: where to, how much, why, and "
    "what was redacted; in ids and numbers. For operators, and for admins of the project that is named.",
    response_description="One page, the newest first.",
    tags=["Costs"],
    responses=refusals(404),
)
async def egress_page(
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    project_id: OfProject = None,
    first: First = None,
    last: Last = None,
    days: Days = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> EgressPage:
    """List as the caller."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with parts.database.writing(caller) as connection:
        await require_costs(connection, caller, project_id)
        of = range_of(await costs.today(connection), first=first, last=last, days=days, project=project_id)
        found = await egress.list_sent(connection, of, after=after, limit=limit + 1)
        summary = summary_of(
            of.first, of.last, await egress.sent_to(connection, of), await costs.held_back(connection, of)
        )
    return EgressPage(*cut(found, limit, lambda sent: (sent.created_at, sent.id)), summary)


ROUTES = (cost_report, egress_page)
