"""`motif members`: who is in a project and as what."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import typer
from msgspec.structs import asdict
from rich.markup import escape
from rich.table import Table

from service.cli.people import addresses, person
from service.cli.run import Session, out, print_json, run, session
from service.storage import members
from service.storage.database import Connection
from service.storage.members import Member, require_hold
from service.storage.projects import project_named
from service.storage.rights import MemberRole

app = typer.Typer(no_args_is_help=True, help="List, add and remove a project's members, and set their roles.")

ProjectOption = Annotated[str, typer.Option("--project", help="Name or id of the project.")]
UserArgument = Annotated[str, typer.Argument(help="Their address or id.")]
RoleOption = Annotated[MemberRole, typer.Option(help="`viewer` reads, `member` writes too, `admin` decides.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_members(
    project: ProjectOption, limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200, json: JsonOption = False
) -> None:
    """List a project's members, the first to come first."""
    rows = run(_list(project, limit))
    if json:
        print_json(rows)
        return
    table = Table("id", "address", "role", "since", box=None)
    for row in rows:
        table.add_row(
            str(row["user_id"]), escape(row["address"] or ""), row["role"], row["created_at"].date().isoformat()
        )
    out.print(table)


@app.command()
def add(user: UserArgument, project: ProjectOption, role: RoleOption = "member", json: JsonOption = False) -> None:
    """Put somebody into a project; for its admins and for operators."""
    _tell(run(_add(user, project, role)), f"{escape(user)} is in as {role}.", json=json)


@app.command("set-role")
def set_role(
    user: UserArgument, role: Annotated[MemberRole, typer.Argument()], project: ProjectOption, json: JsonOption = False
) -> None:
    """Give a member another role. A project keeps at least one admin."""
    _tell(run(_set_role(user, project, role)), f"{escape(user)} is {role} now.", json=json)


@app.command()
def remove(user: UserArgument, project: ProjectOption) -> None:
    """Take somebody out of a project, and the keys that they made for it; everybody may leave."""
    run(_remove(user, project))
    out.print(f"{escape(user)} is out.")


async def _list(project: str, limit: int) -> list[dict[str, Any]]:
    async with _members_of(project) as (opened, connection, project_id):
        await require_hold(connection, opened.caller, project_id, "viewer")
        found = await members.list_members(connection, project_id, after=None, limit=limit)
        known = await addresses(opened.settings, (member.user_id for member in found))
    return [{**asdict(member), "address": known.get(member.user_id)} for member in found]


async def _add(user: str, project: str, role: MemberRole) -> Member:
    async with _members_of(project) as (opened, connection, project_id):
        await require_hold(connection, opened.caller, project_id, "admin")
        return await members.add_member(connection, project_id, await person(opened.settings, user), role)


async def _set_role(user: str, project: str, role: MemberRole) -> Member:
    async with _members_of(project) as (opened, connection, project_id):
        await require_hold(connection, opened.caller, project_id, "admin")
        return await members.set_role(connection, project_id, await person(opened.settings, user), role)


async def _remove(user: str, project: str) -> None:
    async with _members_of(project) as (opened, connection, project_id):
        user_id = await person(opened.settings, user)
        leaves = user_id == opened.caller.user_id
        await require_hold(connection, opened.caller, project_id, "viewer" if leaves else "admin")
        await members.remove_member(connection, project_id, user_id)


@asynccontextmanager
async def _members_of(project: str) -> AsyncGenerator[tuple[Session, Connection, UUID]]:
    """A transaction that may change the members of the project meant; an operator finds every project."""
    async with session() as opened, opened.database.writing(opened.caller) as connection:
        yield opened, connection, (await project_named(connection, project)).id


def _tell(member: Member, words: str, *, json: bool) -> None:
    if json:
        print_json(member)
    else:
        out.print(words)
