"""People in auth.users: looked up anywhere, added and removed only where no Supabase keeps them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import DictRow, dict_row

from service.errors import Conflict, DatabaseUnfit, NotFound, RequestInvalid
from service.storage.database import Connection, unavailable
from service.storage.queries import load

SQL = load("users")

LONGEST_EMAIL = 255


class User(msgspec.Struct, frozen=True):
    """A person with an account."""

    id: UUID
    email: str | None
    created_at: datetime | None


@asynccontextmanager
async def accounts(admin_url: str) -> AsyncGenerator[Connection]:
    """One transaction as the administrator, who alone may read auth.users.

    Raises DatabaseUnavailable, or DatabaseUnfit for a role that may not.
    """
    try:
        async with await psycopg.AsyncConnection[DictRow].connect(
            admin_url, row_factory=dict_row, application_name="motif-users", connect_timeout=10
        ) as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseUnfit(
            "This role may not read auth.users.", fix="Set MOTIF_DATABASE_ADMIN_URL to one that may, or name an id."
        ) from error
    except psycopg.errors.UndefinedTable as error:
        raise DatabaseUnfit("The database has no auth.users.", fix="Run `motif doctor`.") from error
    except psycopg.OperationalError as error:
        raise unavailable(error) from error


async def find(connection: Connection, email_or_id: str) -> User:
    """The person of that address or id; raises NotFound."""
    try:
        cursor = await connection.execute(SQL["by_id"], {"user_id": UUID(email_or_id)})
    except ValueError:
        cursor = await connection.execute(SQL["by_email"], {"email": email_or_id.strip().lower()})
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"Nobody here has the address or id {email_or_id!r}.", fix="See `motif users list`.")
    return User(**row)


async def everybody(connection: Connection) -> list[User]:
    """Everybody who has an account, the oldest first."""
    cursor = await connection.execute(SQL["all_users"])
    return [User(**row) for row in await cursor.fetchall()]


async def add(connection: Connection, email: str) -> User:
    """A new person; raises RequestInvalid, Conflict, or DatabaseUnfit where Supabase keeps them."""
    await _check_kept_here(connection)
    address = email.strip().lower()
    name, _, domain = address.rpartition("@")
    if not name or not domain or len(address) > LONGEST_EMAIL or not address.isprintable() or " " in address:
        raise RequestInvalid(f"{email!r} is no address of a person.", fix="Write it as name@example.org.")
    cursor = await connection.execute(SQL["add"], {"email": address})
    row = await cursor.fetchone()
    if row is None:
        raise Conflict(f"{address} has an account.", fix="See `motif users list`.")
    return User(**row)


async def remove(connection: Connection, user: User) -> None:
    """End a person's account; memberships and keys go with it. Raises DatabaseUnfit where Supabase keeps them."""
    await _check_kept_here(connection)
    await connection.execute(SQL["remove"], {"user_id": user.id})


async def _check_kept_here(connection: Connection) -> None:
    row = await (await connection.execute(SQL["kept_here"])).fetchone()
    if row is None or not row["kept_here"]:
        raise DatabaseUnfit(
            "Supabase's Auth keeps the accounts of this database.", fix="Add and remove people there, or by signing up."
        )
