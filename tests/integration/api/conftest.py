"""The service on a real database, asked in this process; its log is kept to be read."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from service.app import create_app
from service.log import configure_logging
from service.settings import Settings


@pytest.fixture
def settings(service_url: str, data_dir: Path) -> Settings:
    """Settings of a service without an embedding model."""
    return Settings(
        _env_file=None,
        data_dir=data_dir,
        database_url=service_url,
        embedding_model="none",
        log_format="json",
        log_level="debug",
    )


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
    """A client of the running service."""
    app = create_app(settings)
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        yield client


BASE = "http://127.0.0.1:8100"
