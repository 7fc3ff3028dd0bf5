"""A database with three projects, and workers on it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import working
from psycopg.rows import dict_row
from working import QUICK, Admin, learn, process

from service.settings import Settings
from service.storage.database import Database
from service.worker import run_worker

RunOnce = Callable[..., Awaitable[None]]
Working = Callable[..., AbstractAsyncContextManager[asyncio.Event]]
Spawn = Callable[[str, Path], subprocess.Popen[str]]


@pytest.fixture
def settings(service_url: str) -> Settings:
    return Settings(_env_file=None, database_url=service_url)


@pytest.fixture
async def database(service_url: str) -> AsyncIterator[Database]:
    database = Database(service_url, pool_size=6, application="motif-test")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def admin(database_url: str) -> Iterator[Admin]:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield Admin(connection)


@pytest.fixture
def work_off(settings: Settings, database: Database) -> RunOnce:
    """Do the jobs that wait, in this process."""

    async def work_off(**options: Any) -> None:
        given = {"once": True, "pace": QUICK, "process": process, "learn": learn} | options
        await run_worker(settings, database, None, **given)

    return work_off


@pytest.fixture
def working_on(settings: Settings, database: Database) -> Working:
    """A worker in this process as long as the block lasts; yields what stops it."""

    @asynccontextmanager
    async def working_on(**options: Any) -> AsyncIterator[asyncio.Event]:
        stop = asyncio.Event()
        given = {"stop": stop, "pace": QUICK, "process": process, "learn": learn} | options
        worker = asyncio.create_task(run_worker(settings, database, None, **given))
        try:
            yield stop
        finally:
            stop.set()
            await worker

    return working_on


@pytest.fixture
def spawn(service_url: str) -> Iterator[Spawn]:
    """Start a worker in a process of its own, by name; it finishes nothing as long as a file is there."""
    started: list[subprocess.Popen[str]] = []

    def spawn(name: str, hold: Path) -> subprocess.Popen[str]:
        program = [sys.executable, str(working.__file__), service_url, name, str(hold)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
        started.append(subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment))
        return started[-1]

    yield spawn
    for worker in started:
        worker.kill()
        worker.communicate()
