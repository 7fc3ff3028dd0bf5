"""`motif token`: a token on standard output and nothing else, for `curl -H "Authorization: Bearer $(motif token)"`."""

import sys
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

import typer

from service.cli.db import admin_url
from service.cli.lasting import lasting
from service.cli.run import run
from service.errors import ConfigurationError
from service.settings import Settings, load_settings
from service.storage import users
from service.storage.connect import caller_of, open_database
from service.tokens.checker import signer_of
from service.tokens.claims import TokenRole
from service.tokens.making import person_claims, service_claims


def token(
    user: Annotated[str | None, typer.Option(help="Address or id of a person; MOTIF_USER_ID if left out.")] = None,
    expires: Annotated[timedelta, typer.Option(parser=lasting, help="How long it lasts: 30m, 12h, 90d.")] = "1h",  # pyright: ignore[reportArgumentType] - typer reads it
    role: Annotated[
        Literal["authenticated", "service_role"], typer.Option(help="`service_role` for the service's own.")
    ] = "authenticated",
) -> None:
    """Print a token of a person, as Supabase's auth server makes them."""
    sys.stdout.write(run(_token(load_settings(), user, expires, role)) + "\n")


async def _token(settings: Settings, user: str | None, lasts: timedelta, role: TokenRole) -> str:
    signer = signer_of(settings)
    if role == "service_role":
        if user is not None:
            raise ConfigurationError("The service's own token is nobody's.", fix="Leave out --user or --role.")
        return signer.sign(service_claims(lasts))
    return signer.sign(person_claims(await _person(settings, user), lasts))


async def _person(settings: Settings, user: str | None) -> UUID:
    """Whose token it is to be; a token of nobody would be believed, and see nothing."""
    if user is None:
        database = await open_database(settings)
        try:
            caller = await caller_of(settings, database)
        finally:
            await database.close()
        return caller.user_id or settings.user_id
    async with admin_url(settings) as url, users.accounts(url) as connection:
        return (await users.find(connection, user)).id
