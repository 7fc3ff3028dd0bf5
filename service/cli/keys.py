"""`motif keys`: agents' keys of a project, made, listed and revoked by the person that the command line acts as."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.lasting import lasting
from service.cli.run import Session, err, out, print_json, run, session
from service.errors import NotFound, RequestInvalid
from service.storage import agent_keys
from service.storage.agent_keys import AgentKey, Scope
from service.storage.projects import project_named, visible_projects
from service.storage.rights import require
from service.tokens.agent_key import hash_of, new_key

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys for agents.")

_LONGEST_NAME = 200
_MOST_LISTED = 1_000

ProjectOption = Annotated[str | None, typer.Option("--project", help="Name or id; all of yours if left out.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    project: Annotated[str, typer.Option(help="Name or id of the project it is for.")],
    scope: Annotated[Scope, typer.Option(help="`write` lets it write as well.")] = "read",
    expires: Annotated[
        timedelta | None, typer.Option(parser=lasting, help="How long it lasts: 12h, 90d; until revoked if left out.")
    ] = None,
) -> None:
    """Make a key and print it, this once, on standard output."""
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise RequestInvalid(f"A key's name has 1 to {_LONGEST_NAME} characters.", fix="Say what it is for.")
    key = new_key()
    about = run(_create(name, project, scope, datetime.now(UTC) + expires if expires else None, hash_of(key)))
    ends = f"ends {about.expires_at:%Y-%m-%d %H:%M} UTC" if about.expires_at else "lasts until it is revoked"
    err.print(f"[dim]Key {about.id}, {' and '.join(about.scopes)}, {ends}. It is shown this once:[/dim]")
    sys.stdout.write(key + "\n")


@app.command("list")
def list_keys(
    project: ProjectOption = None, json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False
) -> None:
    """List keys, never the keys themselves."""
    found = run(_list(project))
    if json:
        print_json(found)
        return
    if not found:
        out.print("No keys. Make one with `motif keys create NAME --project PROJECT`.")
        return
    table = Table("id", "key", "scopes", "state", "last used", box=None)
    for key in found:
        last_used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        table.add_row(str(key.id)[:8], escape(key.name), ", ".join(key.scopes), _state(key), last_used)
    out.print(table)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")], project: ProjectOption = None
) -> None:
    """End a key at once, for good."""
    ended = run(_revoke(key, project))
    out.print(f"{escape(ended.name)} ({ended.id}) has ended.")


async def _create(name: str, project: str, scope: Scope, expires_at: datetime | None, key_hash: bytes) -> AgentKey:
    async with session() as opened:
        async with opened.database.reading(opened.caller) as connection:
            found = await project_named(connection, project)
        async with opened.database.writing(opened.caller) as connection:
            await require(connection, opened.caller, found.id, "member")
            return await agent_keys.add(
                connection,
                found.id,
                opened.settings.user_id,
                name=name,
                key_hash=key_hash,
                scopes=["read"] if scope == "read" else ["read", "write"],
                expires_at=expires_at,
            )


async def _list(project: str | None) -> list[AgentKey]:
    async with session() as opened:
        return await _keys(opened, project)


async def _revoke(wanted: str, project: str | None) -> AgentKey:
    async with session() as opened:
        found = [key for key in await _keys(opened, project) if str(key.id).startswith(wanted.lower())]
        if len(found) != 1 or not wanted:
            many = "Several keys begin" if found else "No key of yours begins"
            raise NotFound(f"{many} with {wanted!r}.", fix="`motif keys list --json` shows whole ids.")
        async with opened.database.writing(opened.caller) as connection:
            await agent_keys.revoke(connection, found[0].project_id, found[0].id)
        return found[0]


async def _keys(opened: Session, project: str | None) -> list[AgentKey]:
    async with opened.database.reading(opened.caller) as connection:
        projects = [await project_named(connection, project)] if project else await visible_projects(connection)
    async with opened.database.writing(opened.caller) as connection:
        pages = [await agent_keys.page(connection, one.id, after=None, limit=_MOST_LISTED) for one in projects]
    return [key for page in pages for key in page]


def _state(key: AgentKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "lasts"
    return "expired" if key.expires_at <= datetime.now(UTC) else f"until {key.expires_at:%Y-%m-%d}"
