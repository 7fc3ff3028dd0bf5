"""What the handlers work with: opened when the service starts, closed when it ends, replaceable in `create_app`."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias
from uuid import UUID

from routing.router import Router
from service.api.key_uses import KeyUses
from service.api.metrics import Metrics
from service.api.rate import RateLimit
from service.api.turns import Turns
from service.errors import DatabaseUnavailable
from service.matching.counting import MatchCounter
from service.matching.embedder import Embedder
from service.matching.query_cache import QueryCache
from service.settings import Settings
from service.storage.database import Database
from service.tokens.claims import Verifier

RunWorker: TypeAlias = Callable[[Settings, Database, Embedder | None, Router | None], Coroutine[Any, Any, None]]
WorkerState: TypeAlias = Literal["elsewhere", "running", "restarting"]


_MOST_EXPORTS = 4
"""Each holds a connection beside the pool's."""


class Parts:
    """One service's parts. `worker` says how the worker inside fares, or that there is none inside."""

    def __init__(
        self,
        settings: Settings,
        *,
        verifier: Verifier,
        database: Database | None = None,
        embedder: Embedder | None = None,
        router: Router | None = None,
    ) -> None:
        self.settings = settings
        self.verifier = verifier
        self.metrics = Metrics()
        self.matches = MatchCounter()
        self.queries = QueryCache()
        self.key_uses = KeyUses()
        self.requests = RateLimit(settings.rate_limit_per_minute)
        self.refused_tokens = RateLimit(settings.rate_limit_per_minute)
        self.exports = Turns(_MOST_EXPORTS)
        self.embedder = embedder
        self.embedder_missing: str | None = None
        self.worker: WorkerState = "elsewhere"
        self.looking: asyncio.Task[Any] | None = None  # the look of /health/ready that is under way
        self.forgetting: list[Callable[[UUID], int]] = [self.queries.forget]
        self._database = database
        self._router = router

    def forget(self, project_id: UUID) -> int:
        """Drop what this process keeps of a project, in every cache that stands in `forgetting`; how many entries."""
        return sum(forget(project_id) for forget in self.forgetting)

    @property
    def database(self) -> Database:
        """The open database; DatabaseUnavailable before the service has started and after its end."""
        if self._database is None:
            raise DatabaseUnavailable("The database is not open.", fix="Wait until the service has started.")
        return self._database

    @database.setter
    def database(self, database: Database | None) -> None:
        self._database = database

    @property
    def router(self) -> Router:
        """What asks models; DatabaseUnavailable before the service has started, since the ledger is there."""
        if self._router is None:
            raise DatabaseUnavailable("The ledger is not open.", fix="Wait until the service has started.")
        return self._router

    @router.setter
    def router(self, router: Router) -> None:
        self._router = router
