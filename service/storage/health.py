"""How the database is: its server, its jobs, how much it holds. Read by the readiness check, the metrics and doctor."""

import msgspec

from service.storage.database import Connection
from service.storage.queries import load

SQL = load("health")


class Server(msgspec.Struct, frozen=True):
    """The server as the service sees it; `bypasses_rls` is true for a login that no policy holds."""

    version: str
    pgvector: str | None
    login: str
    bypasses_rls: bool


class Totals(msgspec.Struct, frozen=True):
    """Rows of the tables that grow."""

    projects: int
    interactions: int
    patterns: int


async def server(connection: Connection) -> Server:
    """Version, extension and login role."""
    [row] = await (await connection.execute(SQL["server"])).fetchall()
    return msgspec.convert(row, Server)


async def jobs_by_state(connection: Connection) -> dict[str, int]:
    """How many jobs are in each state (todo, doing, failed, ...); needs the role of the service."""
    rows = await (await connection.execute(SQL["jobs"])).fetchall()
    return {row["state"]: row["number"] for row in rows}


async def workers_alive(connection: Connection) -> int:
    """Workers, anywhere, that gave a sign of life in the last minute; needs the role of the service."""
    [row] = await (await connection.execute(SQL["workers"])).fetchall()
    return int(row["alive"])


async def totals(connection: Connection) -> Totals:
    """How much the transaction's caller sees."""
    [row] = await (await connection.execute(SQL["totals"])).fetchall()
    return msgspec.convert(row, Totals)
