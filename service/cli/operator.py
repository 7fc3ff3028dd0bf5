"""`motif operator`: who runs the installation. Done as the service itself, by whoever can open its database.

So a hosted installation gets its first operator, and one that lost its last gets another.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from msgspec.structs import asdict
from rich.markup import escape
from rich.table import Table

from service.cli.people import addresses, person
from service.cli.run import out, print_json, run
from service.settings import Settings, load_settings
from service.storage import installation
from service.storage.connect import open_database
from service.storage.database import Connection, Role
from service.storage.installation import InstallationRole, RoleName

app = typer.Typer(no_args_is_help=True, help="Say who runs the installation and who may create projects.")

UserArgument = Annotated[str, typer.Argument(help="Their address or id.")]
CreatorOption = Annotated[
    bool, typer.Option("--project-creator", help="The permission to create projects, and nothing else.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_roles(limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200, json: JsonOption = False) -> None:
    """List operators and who may create projects."""
    rows = run(_list(load_settings(), limit))
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("Nobody yet. Next: `motif operator grant USER`.")
        return
    table = Table("id", "address", "role", "since", box=None)
    for row in rows:
        table.add_row(
            str(row["user_id"]), escape(row["address"] or ""), row["role"], row["created_at"].date().isoformat()
        )
    out.print(table)


@app.command()
def grant(user: UserArgument, project_creator: CreatorOption = False, json: JsonOption = False) -> None:
    """Make somebody an operator, or let them create projects."""
    granted = run(_grant(load_settings(), user, _role(project_creator)))
    if json:
        print_json(granted)
    else:
        out.print(f"{escape(user)} has the role {granted.role}.")


@app.command()
def revoke(user: UserArgument, project_creator: CreatorOption = False) -> None:
    """Take a role from somebody."""
    role = _role(project_creator)
    run(_revoke(load_settings(), user, role))
    out.print(f"{escape(user)} no longer has the role {role}.")


def _role(project_creator: bool) -> RoleName:
    return "project_creator" if project_creator else "operator"


async def _list(settings: Settings, limit: int) -> list[dict[str, Any]]:
    async with _as_service(settings) as connection:
        found = await installation.list_roles(connection, after=None, limit=limit)
        known = await addresses(settings, (one.user_id for one in found))
    return [{**asdict(one), "address": known.get(one.user_id)} for one in found]


async def _grant(settings: Settings, user: str, role: RoleName) -> InstallationRole:
    async with _as_service(settings) as connection:
        return await installation.grant_role(connection, await person(settings, user), role)


async def _revoke(settings: Settings, user: str, role: RoleName) -> None:
    async with _as_service(settings) as connection:
        await installation.revoke_role(connection, await person(settings, user), role)


@asynccontextmanager
async def _as_service(settings: Settings) -> AsyncGenerator[Connection]:
    """A transaction of the service itself; nobody has to be known yet for it."""
    database = await open_database(settings)
    try:
        async with database.transaction(Role.SERVICE) as connection:
            yield connection
    finally:
        await database.close()
