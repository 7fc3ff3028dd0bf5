"""The vendors on the wire, where every model reads well unless a test says otherwise; installations that ask them."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from reading import MODELS, Install, installed, reads
from wire.server import Wire, wire_server


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wire_server(answers=dict.fromkeys(MODELS, reads)) as wire:
        yield wire


@pytest.fixture
def install(service_url: str, database_url: str, data_dir: Path, wire: Wire) -> Install:
    """Open an installation that knows some vendors: `install("ollama", "anthropic", setting=value)`."""
    return partial(installed, service_url, database_url, data_dir, wire)
