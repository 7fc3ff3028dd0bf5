"""The service on a real database, asked in this process; its log is kept to be read."""

import asyncio
import io
import logging
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import structlog
from in_process import client_of, settings_for
from pydantic import SecretStr
from tenancy import SECRET_KEY, Tenancy

from service.extraction.import_lines import ImportedPattern
from service.extraction.importing import import_patterns
from service.local_postgres.server import LocalPostgres
from service.log import configure_logging
from service.settings import Settings
from service.storage.database import Caller, Database

PATTERNS = (
    ImportedPattern(name="Retry lost connections", description="A job that loses its connection is retried."),
    ImportedPattern(name="Pin dependencies", description="Versions are pinned in the lock file.", tags=["build"]),
    ImportedPattern(name="Close files", description="Files are closed by a context manager."),
)


@pytest.fixture(scope="session")
def shared_url(postgres_server: LocalPostgres, migrated_template: str) -> Iterator[str]:
    """A database with three patterns in the project `demo`, for all tests here that change nothing in it."""
    name = f"api_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {migrated_template}")
        url = postgres_server.url("motif_service", name)
        asyncio.run(_fill(url))
        yield url
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def settings(shared_url: str, data_dir: Path) -> Settings:
    """Settings of a service without an embedding model, on the shared database."""
    return settings_for(shared_url, data_dir)


@pytest.fixture
def own_settings(service_url: str, data_dir: Path) -> Settings:
    """The same on an empty database of the test's own."""
    return settings_for(service_url, data_dir)


@pytest.fixture
def log(settings: Settings) -> Iterator[io.StringIO]:
    """Everything the service logs."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(settings, stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


@pytest.fixture
async def api(settings: Settings, log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service with three patterns."""
    async with client_of(settings) as client:
        yield client


@pytest.fixture
async def own_api(own_settings: Settings, log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service on an empty database of the test's own."""
    async with client_of(own_settings) as client:
        yield client


@pytest.fixture
async def tenancy(own_settings: Settings, database_url: str, log: io.StringIO) -> AsyncIterator[Tenancy]:
    """One project and one caller of each kind, on a database of the test's own."""
    settings = own_settings.model_copy(update={"supabase_secret_keys": (SecretStr(SECRET_KEY),)})
    async with client_of(settings) as client:
        tenancy = Tenancy(client, settings, database_url)
        await tenancy.make_keys()
        yield tenancy
        tenancy.admin.close()


async def _fill(url: str) -> None:
    database = Database(url, pool_size=2)
    await database.open()
    try:
        await import_patterns(
            database,
            None,
            Caller(Settings(_env_file=None).user_id),
            [(f"line {number}", record) for number, record in enumerate(PATTERNS)],
            project_name="demo",
            source_name="test",
            progress=lambda _done, _all: None,
        )
    finally:
        await database.close()
