"""People on the command line: named by address or id, shown with their address where it can be read."""

from collections.abc import Iterable
from uuid import UUID

from service.cli.db import admin_url
from service.errors import DatabaseError, NotFound
from service.settings import Settings
from service.storage import users
from service.storage.projects import as_id


async def person(settings: Settings, address_or_id: str) -> UUID:
    """The id of the person meant; raises NotFound for an address that nobody has.

    An id is taken as it is, so that it serves where accounts cannot be read; what is done with it finds out.
    """
    given = as_id(address_or_id)
    if given is not None:
        return given
    async with admin_url(settings) as url, users.accounts(url) as connection:
        return (await users.find(connection, address_or_id)).id


async def addresses(settings: Settings, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Id -> address, as far as the accounts may be read and have one."""
    found: dict[UUID, str] = {}
    try:
        async with admin_url(settings) as url, users.accounts(url) as connection:
            for user_id in set(ids):
                try:
                    found[user_id] = (await users.find(connection, str(user_id))).email or ""
                except NotFound:
                    continue  # the account was ended meanwhile
    except DatabaseError:
        return {}  # a list of ids is worth having without them
    return found
