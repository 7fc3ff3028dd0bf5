"""The service asked in this process, as somebody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from service.app import create_app
from service.settings import Settings
from service.tokens.local import LocalKey


def settings_for(url: str, data_dir: Path, **more: Any) -> Settings:
    """Settings of a service without an embedding model on that database."""
    return Settings(
        _env_file=None,
        data_dir=data_dir,
        database_url=url,
        embedding_model="none",
        log_format="json",
        log_level="debug",
        **more,
    )


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with these settings, with the token of whom the command line acts as."""
    async with client_without_token(settings) as client:
        client.headers.update(authorization(settings, settings.user_id))
        yield client


@asynccontextmanager
async def client_without_token(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with these settings that does not say who asks."""
    app = create_app(settings)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8100") as client,
    ):
        yield client


def authorization(settings: Settings, user_id: UUID) -> dict[str, str]:
    """The header of a request of that person."""
    return {"authorization": f"Bearer {LocalKey(settings.data_dir).token(user_id)}"}
