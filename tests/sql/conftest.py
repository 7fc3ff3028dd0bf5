"""One transaction of the administrator over two filled projects, rolled back at the end."""

from collections.abc import Iterator

import psycopg
import pytest
from tenants import fill


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    """Everything done with it is undone."""
    with psycopg.connect(database_url) as connection:
        fill(connection)
        yield connection
        connection.rollback()
