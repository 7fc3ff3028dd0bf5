"""Whether a pooler in transaction mode stands between us and the database, found out by how it behaves."""

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from service.storage.database import unavailable
from service.storage.queries import load

SQL = load("database")
# Where Supabase's pooler listens in transaction mode.
_USUAL_PORT = "6543"


async def transactions_are_pooled(url: str) -> bool:
    """Whether two clients, in turn, are given server connections of each other or more than one each.

    A pooler that happens to give each of them the same one every time is not found out. Raises DatabaseUnavailable.
    """
    try:
        async with await _connect(url) as one, await _connect(url) as other:
            met = [(client, await _server(client)) for client in (one, other, other, one, one, other)]
    except psycopg.OperationalError as error:
        raise unavailable(error) from error
    ones = {server for client, server in met if client is one}
    others = {server for client, server in met if client is other}
    return len(ones) > 1 or len(others) > 1 or ones == others


def is_at_the_usual_port(url: str) -> bool:
    """Whether a URL names the port that Supabase's pooler has in transaction mode."""
    return str(conninfo_to_dict(url).get("port")) == _USUAL_PORT


async def _connect(url: str) -> AsyncConnection:
    return await AsyncConnection.connect(
        url, autocommit=True, prepare_threshold=None, connect_timeout=10, application_name="motif-doctor"
    )


async def _server(connection: AsyncConnection) -> int:
    row = await (await connection.execute(SQL["server"])).fetchone()
    return row[0] if row else 0
