"""An open database for tests that call the service's functions in this process."""

from collections.abc import AsyncIterator

import pytest

from service.settings import Settings
from service.storage.database import Caller, Database


@pytest.fixture
async def database(service_url: str) -> AsyncIterator[Database]:
    """The test's own database, logged in to as the service."""
    database = Database(service_url, pool_size=4, application="motif-test")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def caller() -> Caller:
    """The person that a local installation knows."""
    return Caller(Settings(_env_file=None).user_id)
