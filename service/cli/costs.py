"""`motif costs`: what calls to models cost, against a vendor's bill, and what another policy would have made of it."""

import sys
from datetime import date
from typing import Annotated

import typer

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
from service.cli.costs_shown import show_report
from service.cli.reconcile import reconcile
from service.cli.run import print_json, run, session
from service.cli.simulate import simulate
from service.costs.csv_text import report_csv
from service.costs.shapes import CostReport
from service.costs.telling import baseline_of, tell
from service.errors import RequestInvalid
from service.models.prices import known_prices

app = typer.Typer(no_args_is_help=True, help="Say what calls to models cost, and hold it against a vendor's bill.")

app.command()(reconcile)
app.command()(simulate)


@app.command()
def report(
    first: FirstOption = None,
    last: LastOption = None,
    days: DaysOption = None,
    project: ProjectOption = None,
    json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print the breakdowns as CSV.")] = False,
) -> None:
    """Show what was spent on what, what is left of the budgets, and where the month is heading."""
    if json and csv:
        raise RequestInvalid("JSON or CSV, not both.", fix="Leave one of them out.")
    told = run(_report(day_of(first), day_of(last), days, project))
    if json:
        print_json(told)
    elif csv:
        sys.stdout.write(report_csv(told))
    else:
        show_report(told)


async def _report(first: date | None, last: date | None, days: int | None, project: str | None) -> CostReport:
    async with session() as opened:
        baseline = baseline_of(opened.settings, known_prices(opened.settings))
        project_id = await meant(opened, project)
        async with opened.database.writing(opened.caller) as connection:
            of = await allowed(connection, opened, project_id, first, last, days)
            return await tell(connection, of, opened.settings, baseline)
