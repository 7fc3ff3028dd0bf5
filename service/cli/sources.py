"""`motif sources`: where a project's interactions come from, and which vendors of models may see them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, get_args
from uuid import UUID

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from service.cli.run import Session, out, print_json, run, session
from service.errors import NotFound, RequestInvalid
from service.storage import sources
from service.storage.database import Connection
from service.storage.projects import project_named
from service.storage.rights import require
from service.storage.sources import RemoteModels, RemoteVendor, SourceDetails

app = typer.Typer(no_args_is_help=True, help="List a project's sources, and say which vendors may see them.")

_MOST = 10_000

ProjectOption = Annotated[str, typer.Option("--project", help="Name or id of the project.")]
SourceArgument = Annotated[str, typer.Argument(help="Its id, external id or name.")]
VendorOption = Annotated[
    list[str] | None,
    typer.Option("--vendor", help="To this vendor alone, ollama, anthropic, openai or compatible; may be repeated."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_sources(project: ProjectOption, json: JsonOption = False) -> None:
    """List a project's sources, the oldest first."""
    found = run(_list(project))
    if json:
        print_json(found)
        return
    table = Table("id", "kind", "name", "visibility", "commercial models", box=None)
    for source in found:
        table.add_row(str(source.id), source.kind, escape(source.name), source.visibility, _allowed(source))
    out.print(table)


@app.command()
def allow(
    source: SourceArgument, project: ProjectOption, vendor: VendorOption = None, json: JsonOption = False
) -> None:
    """Let its texts be sent to commercial models, for the project's admins; without --vendor to all that are set."""
    try:
        vendors = msgspec.convert(sorted(set(vendor or ())), list[RemoteVendor])
    except msgspec.ValidationError:
        raise RequestInvalid(
            "There is no such vendor.", fix=f"Name some of {', '.join(get_args(RemoteVendor))}."
        ) from None
    _tell(run(_set(source, project, "allow", vendors)), json=json)


@app.command()
def deny(source: SourceArgument, project: ProjectOption, json: JsonOption = False) -> None:
    """Keep its texts on your own machines from now on, for the project's admins."""
    _tell(run(_set(source, project, "deny", None)), json=json)


async def _list(project: str) -> list[SourceDetails]:
    async with _opened(project) as (opened, connection, project_id):
        await require(connection, opened.caller, project_id, "viewer")
        return await sources.list_sources(connection, project_id, after=None, limit=_MOST)


async def _set(named: str, project: str, models: RemoteModels, vendors: list[RemoteVendor] | None) -> SourceDetails:
    async with _opened(project) as (opened, connection, project_id):
        await require(connection, opened.caller, project_id, "admin")
        found = _named(await sources.list_sources(connection, project_id, after=None, limit=_MOST), named)
        held = await sources.hold_source(connection, project_id, found.id)
        changed = msgspec.structs.replace(held, remote_models=models)
        if vendors is not None:
            changed = msgspec.structs.replace(changed, remote_vendors=vendors)
        return held if changed == held else await sources.change_source(connection, project_id, changed)


def _named(found: list[SourceDetails], named: str) -> SourceDetails:
    for same in (
        [source for source in found if str(source.id) == named.lower()],
        [source for source in found if source.external_id == named],
        [source for source in found if source.name == named],
    ):
        if len(same) > 1:
            raise RequestInvalid(
                "Several sources have that name.", fix="Give the id: `motif sources list --project NAME` shows it."
            )
        if same:
            return same[0]
    raise NotFound("The project has no such source.", fix="`motif sources list --project NAME` shows them.")


@asynccontextmanager
async def _opened(project: str) -> AsyncGenerator[tuple[Session, Connection, UUID]]:
    async with session() as opened, opened.database.writing(opened.caller) as connection:
        yield opened, connection, (await project_named(connection, project)).id


def _allowed(source: SourceDetails) -> str:
    if source.remote_models == "deny":
        return "none"
    return ", ".join(source.remote_vendors) or "all that are set"


def _tell(source: SourceDetails, *, json: bool) -> None:
    if json:
        print_json(source)
    else:
        out.print(f"{escape(source.name)} may be seen by: {_allowed(source)}.")
