"""`motif users`: who has an account, where no Supabase keeps that."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.db import admin_url
from service.cli.run import out, print_json, run
from service.errors import ConfigurationError
from service.settings import Settings, load_settings
from service.storage import users
from service.storage.users import User

app = typer.Typer(no_args_is_help=True, help="Add, list and remove people, where no Supabase keeps their accounts.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command()
def add(email: Annotated[str, typer.Argument(help="Their address.")], json: JsonOption = False) -> None:
    """Give somebody an account. `motif token --user EMAIL` makes their tokens."""
    user = run(_add(load_settings(), email))
    if json:
        print_json(user)
    else:
        out.print(
            f"{escape(str(user.email))} has the id {user.id}. Next: `motif token --user {escape(str(user.email))}`."
        )


@app.command("list")
def list_users(json: JsonOption = False) -> None:
    """List everybody who has an account."""
    found = run(_list(load_settings()))
    if json:
        print_json(found)
        return
    table = Table("id", "address", "since", box=None)
    for user in found:
        table.add_row(str(user.id), escape(user.email or ""), f"{user.created_at:%Y-%m-%d}" if user.created_at else "")
    out.print(table)


@app.command()
def remove(email: Annotated[str, typer.Argument(help="Their address or id.")]) -> None:
    """End an account: memberships and keys go with it, tokens see nothing any more."""
    user = run(_remove(load_settings(), email))
    out.print(f"{escape(user.email or str(user.id))} has no account any more.")


async def _add(settings: Settings, email: str) -> User:
    async with admin_url(settings) as url, users.accounts(url) as connection:
        return await users.add(connection, email)


async def _list(settings: Settings) -> list[User]:
    async with admin_url(settings) as url, users.accounts(url) as connection:
        return await users.everybody(connection)


async def _remove(settings: Settings, email: str) -> User:
    async with admin_url(settings) as url, users.accounts(url) as connection:
        user = await users.find(connection, email)
        if user.id == settings.user_id:
            raise ConfigurationError(
                "The command line acts as this person.", fix="Set MOTIF_USER_ID to somebody else first."
            )
        await users.remove(connection, user)
        return user
