"""What the handlers work with: opened when the service starts, closed when it ends, replaceable in `create_app`."""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias

from service.api.metrics import Metrics
from service.errors import DatabaseUnavailable
from service.matching.counting import MatchCounter
from service.matching.embed import Embedder
from service.settings import Settings
from service.storage.database import Database
from service.tokens.claims import Verifier

RunWorker: TypeAlias = Callable[[Settings, Database, Embedder | None], Coroutine[Any, Any, None]]
WorkerState: TypeAlias = Literal["elsewhere", "running", "restarting"]


class Parts:
    """One service's parts. `worker` says how the worker inside fares, or that there is none inside."""

    def __init__(
        self,
        settings: Settings,
        *,
        verifier: Verifier,
        database: Database | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self.settings = settings
        self.verifier = verifier
        self.metrics = Metrics()
        self.matches = MatchCounter()
        self.embedder = embedder
        self.embedder_missing: str | None = None
        self.worker: WorkerState = "elsewhere"
        self._database = database

    @property
    def database(self) -> Database:
        """The open database; DatabaseUnavailable before the service has started and after its end."""
        if self._database is None:
            raise DatabaseUnavailable("The database is not open.", fix="Wait until the service has started.")
        return self._database

    @database.setter
    def database(self, database: Database | None) -> None:
        self._database = database
