"""Both projects with one of each kind of caller, in a transaction of the administrator's."""

import io
import logging
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from callers import fill_with_callers
from in_process import client_without_token, settings_for
from world import SECRET_KEY, World

from service.local_postgres.server import LocalPostgres
from service.log import configure_logging

RUN_FOLDER = "MOTIF_TEST_RUN_FOLDER"


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    """Everything done with it is undone."""
    with psycopg.connect(database_url) as connection:
        fill_with_callers(connection)
        yield connection
        connection.rollback()


@pytest.fixture
def second_empty_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """URL of one more database without tables and without the bootstrap, as the administrator."""
    name = f"second_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template template0")
        yield postgres_server.url("postgres", name)
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def world(postgres_server: LocalPostgres, migrated_template: str) -> AsyncIterator[World]:
    """The service in this process and both projects, for a whole file."""
    name = f"world_{uuid.uuid4().hex}"
    folder = Path(tempfile.mkdtemp(dir=os.environ[RUN_FOLDER]))
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {migrated_template}")
        settings = settings_for(
            postgres_server.url("motif_service", name),
            folder / "data",
            supabase_secret_keys=(SECRET_KEY,),
            rate_limit_per_minute=0,
        )
        root = logging.getLogger()
        handlers, level = root.handlers, root.level
        log = io.StringIO()
        configure_logging(settings, log)
        async with client_without_token(settings) as client:
            world = World(client, settings, postgres_server.url("postgres", name), log)
            yield world
            world.close()
        structlog.reset_defaults()
        root.handlers, root.level = handlers, level
        admin.execute(f"drop database {name} with (force)")
