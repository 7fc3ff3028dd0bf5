"""An open database for tests that call functions in this process, and the command for those that do not."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mined import MOTIF, Command, environment

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


@pytest.fixture
def motif(database_url: str, service_url: str, data_dir: Path) -> Command:
    """Run `motif ARGUMENTS` on the test's own database, words only."""

    def run(*arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        env = environment(database_url, service_url, data_dir, **settings)
        return subprocess.run(
            [*MOTIF, *arguments], input=stdin, env=env, capture_output=True, encoding="utf-8", check=False
        )

    return run
