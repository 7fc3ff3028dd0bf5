"""Both ways to a database: straight, and through a pooler that has one server connection for everybody."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import bouncer
import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from transaction_pooler import Seen, transaction_pooler

from service.settings import Settings
from service.storage.database import Database

POOLERS = ["pooler", *(["pgbouncer"] if bouncer.is_here() else [])]


class Way(msgspec.Struct, frozen=True):
    """A way to the test's own database, as the service; `seen` is what a pooler of ours saw."""

    url: str
    pooled: bool
    seen: Seen | None = None

    def settings(self, data_dir: Path, admin_url: str | None = None, **more: Any) -> Settings:
        given: dict[str, Any] = {
            "data_dir": data_dir,
            "database_url": self.url,
            "database_admin_url": admin_url,
            "database_pooler": "transaction" if self.pooled else "none",
            "embedding_model": "none",
        }
        return Settings(_env_file=None, **given, **more)

    async def connection(self, **how: Any) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """A connection that nobody has become anybody on."""
        return await psycopg.AsyncConnection.connect(self.url, autocommit=True, prepare_threshold=None, **how)


def socket_of(url: str) -> Path:
    """Path of the socket that a URL of the embedded server leads to."""
    parts = conninfo_to_dict(url)
    return Path(str(parts["host"])) / f".s.PGSQL.{parts['port']}"


@pytest.fixture(params=["direct", *POOLERS])
async def way(request: pytest.FixtureRequest, service_url: str, tmp_path: Path) -> AsyncIterator[Way]:
    """Every way in turn. Nothing that goes through a pooler may count on a session, in any test."""
    path, database = socket_of(service_url), str(conninfo_to_dict(service_url)["dbname"])
    async with AsyncExitStack() as stack:
        if request.param == "direct":
            yield Way(service_url, pooled=False)
        elif request.param == "pgbouncer":
            url = await stack.enter_async_context(bouncer.pgbouncer(tmp_path, path, database))
            yield Way(url, pooled=True)
        else:
            pooler = await stack.enter_async_context(transaction_pooler(str(path), database))
            yield Way(pooler.url, pooled=True, seen=pooler.seen)
            assert pooler.seen.named == []
            assert pooler.seen.listened == []


@pytest.fixture
async def database(way: Way) -> AsyncIterator[Database]:
    """The service's pool: on the straight way a single connection too, so that everybody comes after somebody else."""
    database = Database(way.url, pool_size=4 if way.pooled else 1, pooled=way.pooled, application="motif-test")
    await database.open()
    yield database
    await database.close()
