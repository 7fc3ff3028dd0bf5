"""Both projects with one of each kind of caller, in a transaction of the administrator's."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from callers import fill_with_callers

from service.local_postgres.server import LocalPostgres


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
