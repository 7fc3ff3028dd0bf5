"""`motif egress`: every call that left this machine: where to, how much, why, and what was redacted in it."""

from datetime import date
from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from service.cli.costs_options import (
    DaysOption,
    FirstOption,
    JsonOption,
    LastOption,
    ProjectOption,
    allowed,
    day_of,
    meant,
)
from service.cli.run import out, print_json, run, session
from service.costs.egress import EgressSummary, summary_of
from service.storage import costs
from service.storage import egress as ledger
from service.storage.egress import Sent


class _Egress(msgspec.Struct, frozen=True):
    summary: EgressSummary
    items: list[Sent]


def egress(
    first: FirstOption = None,
    last: LastOption = None,
    days: DaysOption = None,
    project: ProjectOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most calls that are listed.")] = 50,
    json: JsonOption = False,
) -> None:
    """List what left this machine, the newest first, and what was held back."""
    told = run(_egress(day_of(first), day_of(last), days, project, limit))
    if json:
        print_json(told)
        return
    summary = told.summary
    out.print(f"[bold]{escape(summary.said)}[/bold] ({summary.first} to {summary.last}, UTC)")
    if summary.held_back_tasks:
        what = "task stayed" if summary.held_back_tasks == 1 else "tasks stayed"
        out.print(f"{summary.held_back_tasks:,} {what} because their source denies models elsewhere.")
    if summary.nothing_left:
        return
    table = Table("to", "host", "place", box=None, pad_edge=False)
    for column in ("calls", "bytes", "redactions"):
        table.add_column(column, justify="right")
    for to in summary.sent_to:
        table.add_row(
            to.vendor,
            escape(to.host),
            _place(to.place),
            f"{to.calls:,}",
            f"{to.bytes_out:,}",
            f"{to.redactions:,}",
        )
    out.print(table)
    out.print()
    out.print(_calls(told.items))
    total = summary.commercial_calls + summary.local_network_calls
    if total > len(told.items):
        out.print(f"[dim]The newest {len(told.items):,} of {total:,}; --limit shows more.[/dim]")


async def _egress(first: date | None, last: date | None, days: int | None, project: str | None, limit: int) -> _Egress:
    async with session() as opened:
        project_id = await meant(opened, project)
        async with opened.database.writing(opened.caller) as connection:
            of = await allowed(connection, opened, project_id, first, last, days)
            rows = await ledger.sent_to(connection, of)
            summary = summary_of(of.first, of.last, rows, await costs.held_back(connection, of))
            return _Egress(summary, await ledger.list_sent(connection, of, after=None, limit=limit))


def _calls(items: list[Sent]) -> Table:
    table = Table("when (UTC)", "source", "model", "place", box=None, pad_edge=False)
    table.add_column("bytes", justify="right")
    table.add_column("redactions", justify="right")
    for column in ("request hash", "why", "result"):
        table.add_column(column)
    for one in items:
        table.add_row(
            one.created_at.strftime("%Y-%m-%d %H:%M:%S"),
            escape(one.source or (str(one.source_id) if one.source_id else "erased or none")),
            escape(f"{one.vendor}/{one.model_answered or one.model_asked}"),
            _place(one.place),
            f"{one.bytes_out:,}",
            f"{one.redactions:,}",
            escape((one.request_hash or "-")[:16]),
            escape(one.reason),
            escape(one.result),
        )
    return table


def _place(place: str) -> str:
    return "commercial" if place == "commercial" else "yours, over the network"
