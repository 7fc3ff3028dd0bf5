"""`motif db`: prepares a database of your own, applies the migrations, says which are applied."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from service.cli.run import out, print_json, run
from service.erasure.scrubbing import scrub_now
from service.errors import ConfigurationError
from service.local_postgres.bootstrap import bootstrap as apply_bootstrap
from service.local_postgres.server import open_local
from service.settings import Settings, load_settings
from service.storage import migrate as migrations
from service.storage.connect import open_database

app = typer.Typer(no_args_is_help=True, help="Prepare a database of your own, migrate it, see where it stands.")


@app.command()
def bootstrap() -> None:
    """Give an empty plain Postgres what a Supabase project brings along: roles, auth, realtime.

    It is the one of MOTIF_DATABASE_ADMIN_URL, whose role has to be a superuser.
    """
    url = load_settings().admin_url
    if url is None:
        raise ConfigurationError(
            "The embedded database needs no bootstrap.",
            fix="For one of your own set MOTIF_DATABASE_URL, and MOTIF_DATABASE_ADMIN_URL as a superuser.",
        )
    if run(apply_bootstrap(url)):
        out.print("The database has what it needs. Next: `motif db migrate`.")
    else:
        out.print("The database had it already.")


@app.command()
def migrate() -> None:
    """Apply the migrations that are missing. Every other command does that too where its role may."""
    applied = run(_migrate(load_settings()))
    for name in applied:
        out.print(f"applied {name}")
    out.print("The database is up to date.")


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """List the migrations: which are applied, which are missing."""
    told = run(_status(load_settings()))
    if json:
        print_json(told)
        return
    for name in told.applied:
        out.print(f"applied  {name}")
    for name in told.pending:
        out.print(f"missing  {name}")


@app.command()
def scrub() -> None:
    """Rewrite the embedded database's files, so that nothing of what was erased is left in them.

    A minute after an erasure a worker does it by itself.
    """
    run(_scrub(load_settings()))
    out.print("The files hold nothing any more of what was erased.")


async def _scrub(settings: Settings) -> None:
    database = await open_database(settings)
    try:
        await scrub_now(database)
    finally:
        await database.close()


async def _migrate(settings: Settings) -> list[str]:
    async with admin_url(settings) as url:
        return await migrations.migrate(url)


async def _status(settings: Settings) -> migrations.MigrationStatus:
    async with admin_url(settings) as url:
        return await migrations.status(url)


@asynccontextmanager
async def admin_url(settings: Settings) -> AsyncGenerator[str]:
    """URL to migrate with: the one that is set, or the embedded server's while it is used here."""
    if settings.admin_url is not None:
        yield settings.admin_url
        return
    server = await asyncio.to_thread(open_local, settings)
    try:
        yield server.url()
    finally:
        await asyncio.to_thread(server.close)
