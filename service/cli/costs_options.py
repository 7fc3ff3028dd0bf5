"""What the commands about costs share: their options, and who may have which days of what."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

import typer

from service.cli.run import Session
from service.costs.telling import range_of, require_costs
from service.storage import costs
from service.storage.costs import Range
from service.storage.database import Connection
from service.storage.projects import as_id, project_named

FirstOption = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in UTC; 29 before the last.")
]
LastOption = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, counted too; today.")
]
DaysOption = Annotated[int | None, typer.Option("--days", min=1, max=366, help="So many days up to the last one.")]
ProjectOption = Annotated[str | None, typer.Option("--project", help="Name or id of one project, for its admins.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


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
    await require_costs(connection, opened.caller, project_id)
    return range_of(await costs.today(connection), first=first, last=last, days=days, project=project_id)
