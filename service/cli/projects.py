"""`motif projects`: the projects of the person that the command line acts as."""

from typing import Annotated

import typer
from msgspec.structs import replace
from rich.markup import escape
from rich.table import Table

from service.cli.run import out, print_json, run, session
from service.storage import projects
from service.storage.installation import require_operator
from service.storage.projects import ListedProject, ProjectDetails, project_named
from service.storage.rights import require

app = typer.Typer(no_args_is_help=True, help="List, create and rename projects.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_projects(
    every: Annotated[bool, typer.Option("--all", help="Every project of the installation; for operators.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200,
    json: JsonOption = False,
) -> None:
    """List projects, the oldest first."""
    found = run(_list(every, limit))
    if json:
        print_json(found)
        return
    if not found:
        out.print("No projects yet. Next: `motif projects create NAME`, or `motif mine PATH` on a git repository.")
        return
    table = Table("id", "project", "my role", "members", "since", box=None)
    for one in found:
        table.add_row(
            str(one.id), escape(one.name), one.role or "-", str(one.members), one.created_at.date().isoformat()
        )
    out.print(table)


@app.command()
def create(name: Annotated[str, typer.Argument(help="Its name.")], json: JsonOption = False) -> None:
    """Make a project and be its admin. It needs the role `project_creator` or `operator`."""
    made = run(_create(name))
    if json:
        print_json(made)
    else:
        out.print(f"{escape(made.name)} has the id {made.id}. Next: `motif members add USER --project {made.id}`.")


@app.command()
def rename(
    project: Annotated[str, typer.Argument(help="Name or id.")],
    name: Annotated[str, typer.Argument(help="The new name.")],
    json: JsonOption = False,
) -> None:
    """Give a project another name; for its admins."""
    renamed = run(_rename(project, name))
    if json:
        print_json(renamed)
    else:
        out.print(f"{renamed.id} is named {escape(renamed.name)} now.")


async def _list(every: bool, limit: int) -> list[ListedProject]:
    async with session() as opened, opened.database.writing(opened.caller) as connection:
        if every:
            await require_operator(connection, opened.caller)
        return await projects.list_projects(connection, every=every, after=None, limit=limit)


async def _create(name: str) -> ProjectDetails:
    projects.check_name(name)
    async with session() as opened, opened.database.writing(opened.caller) as connection:
        return await projects.open_project(connection, opened.caller, name)


async def _rename(name_or_id: str, name: str) -> ProjectDetails:
    projects.check_name(name)
    async with session() as opened:
        async with opened.database.reading(opened.caller) as connection:
            project = await project_named(connection, name_or_id)
        async with opened.database.writing(opened.caller) as connection:
            await require(connection, opened.caller, project.id, "admin")
            before = await projects.hold_project(connection, project.id)
            after = replace(before, name=name)
            return after if after == before else await projects.change_project(connection, after)
