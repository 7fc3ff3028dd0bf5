"""Both ways to a database: straight, and through a pooler that has too few server connections for everybody."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import bouncer
import pytest
from psycopg.conninfo import conninfo_to_dict
from transaction_pooler import transaction_pooler
from ways import Way, socket_of

from service.storage.database import Database

POOLERS = ["pooler", *(["pgbouncer"] if bouncer.is_here() else [])]


@pytest.fixture
def servers() -> int:
    """How many server connections a pooler has."""
    return 1


@pytest.fixture(params=["direct", *POOLERS])
async def way(request: pytest.FixtureRequest, service_url: str, servers: int, tmp_path: Path) -> AsyncIterator[Way]:
    """Every way in turn. Nothing that goes through a pooler may count on a session, in any test."""
    path, database = socket_of(service_url), str(conninfo_to_dict(service_url)["dbname"])
    async with AsyncExitStack() as stack:
        if request.param == "direct":
            yield Way(service_url, pooled=False)
        elif request.param == "pgbouncer":
            url = await stack.enter_async_context(bouncer.pgbouncer(tmp_path, path, database, servers))
            yield Way(url, pooled=True)
        else:
            pooler = await stack.enter_async_context(transaction_pooler(str(path), database, size=servers))
            yield Way(pooler.url, pooled=True, seen=pooler.seen)
            assert pooler.seen.named == []
            assert pooler.seen.listened == []


@pytest.fixture
async def database(way: Way, servers: int) -> AsyncIterator[Database]:
    """The service's pool; straight, as many connections as a pooler has, so that people share them there too."""
    database = Database(way.url, pool_size=4 if way.pooled else servers, pooled=way.pooled, application="motif-test")
    await database.open()
    yield database
    await database.close()
