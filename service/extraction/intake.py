"""Storing what the readers hand over, batch by batch, so that a killed intake goes on where it stopped."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec

from routing.task import Priority
from service.extraction.interaction import Interaction
from service.storage import interactions
from service.storage.database import Database, Role
from service.storage.sources import Source

# Small enough that a kill loses a second of work, large enough that commits of transactions do not count.
BATCH = 250


# Postgres knows moments that Python does not; a day's margin is for time zones. Nobody's history lies outside.
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def storable(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, held to the years 2 to 9998; without a zone it is taken for UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(aware, _EARLIEST), _LATEST).astimezone(UTC).isoformat()


def as_row(interaction: Interaction) -> dict[str, Any]:
    """An interaction as its row in the database."""
    return {
        "kind": interaction.kind.value,
        "external_key": interaction.external_key,
        "revision": interaction.revision,
        "author_key": interaction.author_key,
        "occurred_at": storable(interaction.occurred_at),
        "text": interaction.text,
        "metadata": msgspec.to_builtins(interaction.details),
    }


async def store_interactions(
    database: Database,
    source: Source,
    arriving: Iterator[Interaction],
    *,
    priority: Priority,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Store every interaction that is not there yet; returns how many were new.

    `arriving` is read in a thread, because it may run git. Each batch is a transaction of its own.
    """
    stored = 0
    while batch := await asyncio.to_thread(lambda: list(islice(arriving, BATCH))):
        async with database.transaction(Role.SERVICE) as connection:
            stored += len(
                await interactions.insert_interactions(
                    connection, source, [as_row(i) for i in batch], priority=priority.value
                )
            )
        progress(len(batch))
    return stored
