"""When agents' keys were last used: gathered in the process, written in batches, at most once a minute a key."""

import time
from collections.abc import Callable
from uuid import UUID

from service.storage import agent_keys
from service.storage.database import Database, Role

_PAUSE_S = 60.0


class KeyUses:
    """Uses of one process; `flush` writes them. What was not flushed is lost with the process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: set[UUID] = set()
        self._written: dict[UUID, float] = {}

    def add(self, key_id: UUID) -> None:
        """Note that a key was used."""
        if key_id not in self._written:
            self._seen.add(key_id)

    async def flush(self, database: Database) -> None:
        """Write which keys were used since the last flush; on an error it is kept for the next one."""
        now = self._clock()
        self._written = {key_id: at for key_id, at in self._written.items() if now - at < _PAUSE_S}
        seen, self._seen = self._seen, set()
        if not seen:
            return
        try:
            async with database.transaction(Role.SERVICE) as connection:
                await agent_keys.used(connection, seen)
        except BaseException:
            self._seen |= seen
            raise
        self._written |= dict.fromkeys(seen, now)
