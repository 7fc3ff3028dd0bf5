"""Counting how often patterns were found: gathered in the process, written in batches, never a change of a pattern."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from service.matching.request import MatchResponse
from service.storage import search
from service.storage.database import Database, Role


class MatchCounter:
    """Counts of one process; `flush` writes them. What was counted and not flushed is lost with the process."""

    def __init__(self) -> None:
        self._counts: Counter[UUID] = Counter()
        self._last: datetime | None = None

    def add(self, patterns: Iterable[UUID]) -> None:
        """Count each of these patterns once more."""
        self._counts.update(patterns)
        self._last = datetime.now(UTC)

    async def flush(self, database: Database) -> None:
        """Write what was counted since the last flush; on an error it is kept for the next one."""
        counts, last = self._counts, self._last
        if not counts or last is None:
            return
        self._counts = Counter()
        try:
            async with database.transaction(Role.SERVICE) as connection:
                await search.count_matches(
                    connection,
                    [
                        {"pattern_id": str(pattern_id), "matches": matches, "matched_at": last.isoformat()}
                        for pattern_id, matches in counts.items()
                    ],
                )
        except BaseException:
            self._counts.update(counts)
            raise


async def count_shown(database: Database, response: MatchResponse) -> None:
    """Count the patterns of one answer at once, for a command that ends after it."""
    counter = MatchCounter()
    counter.add(found.pattern_id for found in response.matched_patterns)
    await counter.flush(database)
