"""A way to a database, and what goes along it."""

from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict
from transaction_pooler import Seen

from service.settings import Settings


class Way(msgspec.Struct, frozen=True):
    """A way to the test's own database, as the service; `seen` is what a pooler of ours saw."""

    url: str
    pooled: bool
    seen: Seen | None = None

    @property
    def pooler(self) -> str:
        """What MOTIF_DATABASE_POOLER has to say."""
        return "transaction" if self.pooled else "none"

    def settings(self, data_dir: Path, admin_url: str, **more: Any) -> Settings:
        """Settings of a service that goes this way, and straight where it migrates."""
        given = {
            "data_dir": data_dir,
            "database_url": self.url,
            "database_admin_url": admin_url,
            "database_pooler": self.pooler,
            "embedding_model": "none",
        }
        return Settings(_env_file=None, **{**given, **more})

    async def connection(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """A connection that nobody has become anybody on."""
        return await psycopg.AsyncConnection.connect(self.url, autocommit=True, prepare_threshold=None)


def socket_of(url: str) -> Path:
    """Path of the socket that a URL of the embedded server leads to."""
    parts = conninfo_to_dict(url)
    return Path(str(parts["host"])) / f".s.PGSQL.{parts['port']}"
