"""A pooler that the settings do not speak of, and one that they only claim: found out, and said what to set."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from transaction_pooler import PASSWORD, TransactionPooler, transaction_pooler
from ways import Way, socket_of

from service.cli.checks import Finding, examine
from service.errors import ConfigurationError, DatabaseUnavailable
from service.local_postgres.bootstrap import bootstrap
from service.local_postgres.server import LocalPostgres
from service.storage.database import Caller, Database
from service.storage.migrate import migrate, status
from service.storage.migration import read_migrations


@pytest.fixture
async def pooler(service_url: str) -> AsyncIterator[TransactionPooler]:
    database = str(conninfo_to_dict(service_url)["dbname"])
    async with transaction_pooler(str(socket_of(service_url)), database, size=2) as pooler:
        yield pooler


async def found(settings_of: Way, data_dir: Path, admin_url: str) -> Finding:
    settings = settings_of.settings(data_dir, admin_url)
    findings = {finding.name: finding async for finding in examine(settings)}
    return findings["pooler"]


async def test_doctor_says_what_to_set(pooler: TransactionPooler, data_dir: Path, database_url: str):
    finding = await found(Way(pooler.url, pooled=False), data_dir, database_url)
    assert finding.status == "fail"
    assert "MOTIF_DATABASE_POOLER=transaction" in finding.fix


async def test_doctor_doubts_a_pooler_that_does_not_show(service_url: str, data_dir: Path, database_url: str):
    finding = await found(Way(service_url, pooled=True), data_dir, database_url)
    assert finding.status == "warn"
    assert "MOTIF_DATABASE_POOLER=none" in finding.fix


async def test_statements_prepared_elsewhere_name_the_setting(service_url: str, caller: Caller):
    database = str(conninfo_to_dict(service_url)["dbname"])
    async with transaction_pooler(str(socket_of(service_url)), database) as pooler:
        one, other = (Database(pooler.url, pool_size=1) for _ in range(2))
        await one.open()
        await other.open()

        async def take_turns() -> None:
            for _ in range(20):  # the driver prepares what comes again and again
                for database in (one, other):
                    async with database.reading(caller) as connection:
                        await connection.execute("select %s::text", ("x",))

        try:
            with pytest.raises(ConfigurationError, match="pooler") as caught:
                await take_turns()
            assert "MOTIF_DATABASE_POOLER=transaction" in caught.value.fix
        finally:
            await one.close()
            await other.close()


async def test_a_pooler_that_refuses_us_is_a_database_that_does_not_answer(pooler: TransactionPooler):
    database = Database(pooler.url.replace(PASSWORD, "wrong-4b7"), pool_size=1, pooled=True)
    with pytest.raises(DatabaseUnavailable) as caught:
        await database.open()
    assert "wrong-4b7" not in str(caught.value)


async def test_this_pooler_refuses_what_the_real_one_refuses(pooler: TransactionPooler):
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter: options"):
        await psycopg.AsyncConnection.connect(pooler.url, options="-c search_path=public")


async def test_migrations_pass_through_a_pooler_too(postgres_server: LocalPostgres, empty_database_url: str):
    """Each is one transaction, under a lock of that transaction."""
    await bootstrap(empty_database_url)
    name = str(conninfo_to_dict(empty_database_url)["dbname"])
    path = str(socket_of(postgres_server.url()))
    async with transaction_pooler(path, name, user="postgres", size=2) as pooler:
        applied = await migrate(make_conninfo(pooler.url))
        assert len(applied) == len(read_migrations())
        assert (await status(pooler.url)).pending == []
        assert pooler.seen.named == []
