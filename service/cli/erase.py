"""`motif erase`: a pattern, a source, a person's data or a project, for good; and what sources kept for too long."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from service.cli.run import Session, err, out, print_json, run, session
from service.erasure import erasing
from service.erasure.receipt import Receipt
from service.erasure.retention import retain
from service.erasure.scrubbing import scrub_now
from service.errors import DatabaseUnavailable, NotFound, RequestInvalid
from service.storage import erasure, patterns, rights, sources
from service.storage.database import Connection
from service.storage.projects import as_id, project_named

app = typer.Typer(no_args_is_help=True, help="Erase a pattern, a source, a person's data or a project for good.")
retention = typer.Typer(no_args_is_help=True, help="Erase what sources have kept for longer than they may.")

ProjectArgument = Annotated[str, typer.Argument(help="Name or id of the project.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")]

_MOST_SOURCES = 10_000


@app.command()
def pattern(
    pattern: Annotated[str, typer.Argument(help="Name, id, or the beginning of an id.")],
    project: Annotated[str | None, typer.Option("--project", help="Only in this project.")] = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Erase a pattern with its versions, evidence, usage and validations. What showed it stays."""

    async def erase(opened: Session) -> Receipt:
        async with opened.database.writing(opened.caller) as connection:
            project_id = (await project_named(connection, project)).id if project else None
            row = await patterns.find(connection, pattern, project_id=project_id)
            await rights.require(connection, opened.caller, row["project_id"], "member")
            found = await erasure.foresee(connection, "pattern", row["project_id"], row["pattern_id"])
        _confirm(f"the pattern {row['name']!r} of {row['project']!r}", found, yes=yes)
        return await erasing.erase_pattern(opened.database, opened.embedder, opened.caller, row["pattern_id"])

    _tell(run(_erased(erase)), json=json)


@app.command()
def source(
    project: ProjectArgument,
    source: Annotated[str, typer.Argument(help="Name, external id or id of the source.")],
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Erase a source with its interactions, and the patterns that rest on nothing else; for admins."""

    async def erase(opened: Session) -> Receipt:
        async with opened.database.writing(opened.caller) as connection:
            project_id = (await project_named(connection, project)).id
            await rights.require(connection, opened.caller, project_id, "admin")
            source_id, name = await _source_named(connection, project_id, source)
            found = await erasure.foresee(connection, "source", project_id, source_id)
        _confirm(f"the source {name!r}", found, yes=yes)
        return await erasing.erase_source(opened.database, opened.embedder, opened.caller, project_id, source_id)

    _tell(run(_erased(erase)), json=json)


@app.command()
def person(
    project: ProjectArgument,
    who: Annotated[str, typer.Argument(help="A user's address or id, or an author key.")],
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Erase what a person wrote in a project and said of its patterns, their keys and membership; for admins."""

    async def erase(opened: Session) -> Receipt:
        async with opened.database.writing(opened.caller) as connection:
            project_id = (await project_named(connection, project)).id
            await rights.require(connection, opened.caller, project_id, "admin")
            found = await erasure.foresee(connection, "person", project_id, who)
        _confirm(f"what {who} wrote and said", found, yes=yes)
        return await erasing.erase_person(opened.database, opened.embedder, opened.caller, project_id, who)

    _tell(run(_erased(erase)), json=json)


@app.command("project")
def whole_project(project: ProjectArgument, yes: YesOption = False, json: JsonOption = False) -> None:
    """Erase a project with everything in it; for its admins and for operators."""

    async def erase(opened: Session) -> Receipt:
        async with opened.database.writing(opened.caller) as connection:
            named = await project_named(connection, project)
            if not await rights.is_operator(connection):
                await rights.require(connection, opened.caller, named.id, "admin")
            found = await erasure.foresee(connection, "project", named.id, named.id)
        _confirm(f"the project {named.name!r} with everything in it", found, yes=yes)
        return await erasing.erase_project(opened.database, opened.caller, named.id)

    _tell(run(_erased(erase)), json=json)


@retention.command("run")
def run_retention(json: JsonOption = False) -> None:
    """Erase what is over its source's retention_days. Workers do it by themselves, with each sweep."""

    async def retained() -> list[Receipt]:
        async with session(embeds=True) as opened:
            receipts = await retain(opened.database, opened.embedder)
            if receipts:
                await _scrub(opened)
            return receipts

    receipts = run(retained())
    if json:
        print_json(receipts)
    elif receipts:
        gone = sum(receipt.removed.get("interactions", 0) for receipt in receipts)
        out.print(f"{gone} interactions were over their time and are erased.")
    else:
        out.print("Nothing is over its time.")


async def _erased(erase: Callable[[Session], Awaitable[Receipt]]) -> Receipt:
    async with session(embeds=True) as opened:
        receipt = await erase(opened)
        await _scrub(opened)
        return receipt


async def _scrub(opened: Session) -> None:
    """On an embedded database at once: no worker may ever run there."""
    if not opened.database.embedded:
        return
    try:
        await scrub_now(opened.database)
    except DatabaseUnavailable as error:
        err.print(f"[yellow]Erased, but not rewritten yet:[/yellow] {escape(str(error))}")


async def _source_named(connection: Connection, project_id: UUID, wanted: str) -> tuple[UUID, str]:
    found = await sources.list_sources(connection, project_id, after=None, limit=_MOST_SOURCES)
    fitting = [one for one in found if one.id == as_id(wanted)] or [
        one for one in found if wanted in (one.name, one.external_id)
    ]
    if not fitting:
        known = ", ".join(one.name for one in found[:10])
        raise NotFound(f"There is no source {wanted!r}.", fix=f"Sources: {known}." if known else "")
    if len(fitting) > 1:
        ids = ", ".join(f"{one.id} ({one.kind} {one.external_id})" for one in fitting[:3])
        raise RequestInvalid(f"Several sources are named {wanted!r}: {ids}.", fix="Use the id.")
    return fitting[0].id, fitting[0].name


def _confirm(what: str, found: Mapping[str, int], *, yes: bool) -> None:
    """Ask, naming what will go; raises RequestInvalid when it is not confirmed."""
    if yes:
        return
    counts = ", ".join(f"{count} {table.replace('_', ' ')}" for table, count in found.items() if count)
    err.print(f"This erases {escape(what)} for good" + (f": {counts}." if counts else "."))
    err.print("Erase it? \\[y/N] ", end="")
    confirmed = sys.stdin.readline().strip().casefold() in {"y", "yes"}
    if not confirmed:
        raise RequestInvalid("Nothing was erased: it was not confirmed.", fix="Answer y, or give --yes.")


def _tell(receipt: Receipt, *, json: bool) -> None:
    if json:
        print_json(receipt)
        return
    out.print("Erased: " + _listed(receipt.removed))
    if receipt.changed:
        out.print("Changed in place: " + _listed(receipt.changed))
    out.print("[dim]Not reached:[/dim]")
    for one in receipt.not_reached:
        out.print(f"[dim]- {escape(one.what)}, until {escape(one.until)}[/dim]")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in counts.items() if count) or "nothing was there."
