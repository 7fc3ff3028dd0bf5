"""`motif costs`: what calls to models cost, against a vendor's bill, and what another policy would have made of it."""

import sys
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

import typer

from service.cli.costs_shown import show_report
from service.cli.reconcile import reconcile
from service.cli.run import Session, print_json, run, session
from service.costs.csv_text import report_csv
from service.costs.shapes import CostReport
from service.costs.telling import baseline_of, range_of, tell
from service.errors import RequestInvalid
from service.models.prices import known_prices
from service.storage import costs
from service.storage.costs import Range
from service.storage.database import Connection
from service.storage.installation import require_operator
from service.storage.members import require_hold
from service.storage.projects import as_id, project_named

app = typer.Typer(no_args_is_help=True, help="Say what calls to models cost, and hold it against a vendor's bill.")

FirstOption = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in UTC; 29 before the last.")
]
LastOption = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, counted too; today.")
]
DaysOption = Annotated[int | None, typer.Option("--days", min=1, max=366, help="So many days up to the last one.")]
ProjectOption = Annotated[str | None, typer.Option("--project", help="Name or id of one project, for its admins.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


app.command()(reconcile)


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


def day_of(given: datetime | None) -> date | None:
    """The day of an option; Typer knows only moments."""
    return None if given is None else given.replace(tzinfo=UTC).date()


async def meant(opened: Session, project: str | None) -> UUID | None:
    """The project's id: an id is taken as it is, since an operator need not be in it."""
    if project is None:
        return None
    given = as_id(project)
    if given is not None:
        return given
    async with opened.database.reading(opened.caller) as connection:
        return (await project_named(connection, project)).id


async def allowed(
    connection: Connection,
    opened: Session,
    project_id: UUID | None,
    first: date | None,
    last: date | None,
    days: int | None,
) -> Range:
    """The range, once the caller may have it: operators all of it, admins their project's."""
    if project_id is None:
        await require_operator(connection, opened.caller)
    else:
        await require_hold(connection, opened.caller, project_id, "admin")
    return range_of(await costs.today(connection), first=first, last=last, days=days, project=project_id)
