"""Every setting, read once from the environment (prefix MOTIF_) or a .env file, then passed in."""

from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import platformdirs
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.errors import ConfigurationError

DEFAULT_EMBEDDING_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def _default_data_dir() -> Path:
    return platformdirs.user_data_path("motif")


def _number(value: object) -> object:
    """The environment knows only text, and a choice among numbers takes no text for one."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class Settings(BaseSettings):
    """One installation's settings; docs/configuration.md lists them, a test holds that list against this class."""

    model_config = SettingsConfigDict(env_prefix="MOTIF_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Folder of this installation: the embedded database, exported models. "
        "Another folder is another installation.",
    )
    database_url: str | None = Field(
        default=None, description="Postgres to use instead of the embedded one, as the role the service logs in with."
    )
    database_admin_url: str | None = Field(
        default=None, description="The same database as a role that may migrate it; defaults to `MOTIF_DATABASE_URL`."
    )
    database_pooler: Literal["none", "transaction"] = Field(
        default="none",
        description="`transaction` where `MOTIF_DATABASE_URL` leads to a pooler in transaction mode, as Supabase's "
        "port 6543 does: workers then look for jobs every two seconds instead of being told.",
    )
    database_pool_size: int = Field(default=6, ge=2, le=100, description="Most connections one process holds open.")
    postgres_version: Annotated[Literal[16, 18], BeforeValidator(_number)] = Field(
        default=18, description="Major version of the embedded Postgres for a new data folder."
    )
    postgres_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Opens the embedded Postgres on 127.0.0.1 at this port, with scram and a generated password. "
        "Unset: unix socket only.",
    )
    embedding_model: str = Field(
        default=DEFAULT_EMBEDDING_MODEL,
        description="A sentence-transformers model, by name or folder, or `none` for words, paths and co-change only.",
    )
    embedding_threads: int = Field(default=1, ge=1, le=64, description="Threads ONNX Runtime uses for one text.")
    max_text_chars: int = Field(
        default=200_000,
        ge=1_000,
        le=5_000_000,
        description="Longest text of one interaction; what is over it is cut, and said.",
    )
    max_diff_chars: int = Field(
        default=4_000, ge=0, le=200_000, description="Characters of a commit's diff that are kept."
    )
    host: str = Field(
        default="127.0.0.1", description="Address `motif serve` listens on; loopback only until tokens exist."
    )
    port: int = Field(default=8100, ge=0, le=65535, description="Port `motif serve` listens on; 0 takes a free one.")
    user_id: UUID = Field(
        default=UUID("00000000-0000-4000-8000-000000000001"),
        description="Whom the command line and the service act as until tokens exist.",
    )
    worker_concurrency: int = Field(default=2, ge=1, le=64, description="Jobs one worker runs at once.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe line that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`text` for people, `json` for machines; `auto`: text on a terminal."
    )

    @field_validator("database_url", "database_admin_url")
    @classmethod
    def _is_postgres(cls, value: str | None) -> str | None:
        try:
            conninfo_to_dict(value or "")
        except ProgrammingError:
            # The driver's own message quotes the value, which may hold a password.
            raise ValueError("not an address of a Postgres database (postgresql://user@host:5432/name)") from None
        return value

    @property
    def pooled(self) -> bool:
        """Whether the service's own connections go through a pooler in transaction mode."""
        return self.database_url is not None and self.database_pooler == "transaction"

    @property
    def admin_url(self) -> str | None:
        """URL to migrate with, or None on the embedded database."""
        return self.database_admin_url or self.database_url


def load_settings() -> Settings:
    """Read the settings; raises ConfigurationError naming each setting that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"MOTIF_{'_'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        raise ConfigurationError("; ".join(lines) + ".", fix="See docs/configuration.md.") from None
