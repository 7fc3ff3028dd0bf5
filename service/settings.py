"""Every setting, read once from the environment (prefix MOTIF_) or a .env file, then passed in."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

import platformdirs
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.errors import ConfigurationError

DEFAULT_EMBEDDING_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def _default_data_dir() -> Path:
    return platformdirs.user_data_path("motif")


def _number(value: object) -> object:
    """The environment knows only text, and a choice among numbers takes no text for one."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _listed(value: object) -> object:
    """A list is written with commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Listed: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
SecretsListed: TypeAlias = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)]


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
        description="A sentence-transformers model, by name or folder; or a vendor's, `openai:text-embedding-3-small`, "
        "`ollama:NAME`, `compatible:NAME`; or `none` for words, paths and co-change only.",
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
        default="127.0.0.1",
        description="Address `motif serve` listens on; one that is not loopback needs `MOTIF_ALLOWED_HOSTS`.",
    )
    port: int = Field(default=8100, ge=0, le=65535, description="Port `motif serve` listens on; 0 takes a free one.")
    allowed_hosts: Listed = Field(
        default=(), description="Names the service is called by, as in the Host header, without ports."
    )
    trusted_proxies: Listed = Field(
        default=(), description="Addresses or networks of proxies whose X-Forwarded-For says which address asks."
    )
    cors_origins: Listed = Field(
        default=(), description="Web pages that may call the service: exact origins, `https://app.example.org`."
    )
    rate_limit_per_minute: int = Field(
        default=600,
        ge=0,
        le=1_000_000,
        description="Requests a minute of one person or key, and refused tokens of one address; 0 for no limit.",
    )
    user_id: UUID = Field(
        default=UUID("00000000-0000-4000-8000-000000000001"), description="Whom the command line acts as."
    )
    supabase_url: str | None = Field(
        default=None,
        description="Supabase project whose users' tokens are believed. Unset: the installation signs tokens itself.",
    )
    supabase_jwt_secret: SecretStr | None = Field(
        default=None, description="The secret that older Supabase projects sign their tokens with (HS256)."
    )
    supabase_publishable_keys: Listed = Field(
        default=(), description="The project's `sb_publishable_` keys; they say nothing of who asks."
    )
    supabase_secret_keys: SecretsListed = Field(
        default=(), description="`sb_secret_` keys, each of which may do everything the service itself may."
    )
    local_hosts: Listed = Field(
        default=("localhost", "127.0.0.1", "::1"),
        description="Hosts of model servers that are yours: what really runs there is local and costs nothing.",
    )
    ollama_url: str | None = Field(
        default="http://127.0.0.1:11434", description="Where Ollama answers, or `none` to do without."
    )
    ollama_context_tokens: int = Field(
        default=8_192, ge=1_024, le=1_000_000, description="Tokens a local model reads at once (`num_ctx`)."
    )
    local_models: Listed = Field(
        default=(),
        description="Which local model takes which type of task: `pattern_extraction=qwen3:8b,default=llama3.2`. "
        "Unset: the largest installed model takes all.",
    )
    anthropic_api_key: SecretStr | None = Field(default=None, description="Key of Anthropic; unset: never asked.")
    anthropic_url: str | None = Field(default=None, description="Another address that speaks Anthropic's API.")
    anthropic_models: Listed = Field(
        default=("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"),
        description="Anthropic's models that may be asked.",
    )
    openai_api_key: SecretStr | None = Field(default=None, description="Key of OpenAI; unset: never asked.")
    openai_url: str | None = Field(default=None, description="Another address that speaks OpenAI's API.")
    openai_models: Listed = Field(
        default=("gpt-6-luna", "gpt-6.1-terra", "gpt-6.1-sol"), description="OpenAI's models that may be asked."
    )
    compatible_url: str | None = Field(
        default=None, description="A server that speaks OpenAI's API (vLLM, llama.cpp, LM Studio), up to `/v1`."
    )
    compatible_api_key: SecretStr | None = Field(default=None, description="Its key, if it wants one.")
    compatible_models: Listed = Field(default=(), description="Its models that may be asked; unset: all it offers.")
    compatible_api: Literal["chat", "responses"] = Field(
        default="chat", description="Which of OpenAI's two interfaces it honours answer schemas on."
    )
    model_timeout_s: float = Field(
        default=120.0, ge=1, le=3_600, description="Longest wait for a model's answer, in seconds."
    )
    prices_file: Path | None = Field(
        default=None, description="TOML file of prices that replace or add to the known ones."
    )
    router_file: Path | None = Field(
        default=None, description="Weights of the complexity score, as `motif router fit` writes them."
    )
    local_compute_usd_per_hour: float = Field(
        default=0.0, ge=0, le=1_000, description="What an hour of local models is worth in cost reports, in dollars."
    )
    savings_baseline: str | None = Field(
        default=None,
        description="Model (`vendor/name`) that savings are told against; unset: the dearest that is configured.",
    )
    worker_concurrency: int = Field(default=2, ge=1, le=64, description="Jobs one worker runs at once.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe line that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`text` for people, `json` for machines; `auto`: text on a terminal."
    )

    @field_validator("anthropic_api_key", "openai_api_key", "compatible_api_key")
    @classmethod
    def _is_said(cls, value: SecretStr | None) -> SecretStr | None:
        # `MOTIF_OPENAI_API_KEY=` in a .env file says that there is none; a vendor without a key is never asked.
        key = value.get_secret_value().strip() if value else ""
        return SecretStr(key) if key else None

    @field_validator("database_url", "database_admin_url")
    @classmethod
    def _is_postgres(cls, value: str | None) -> str | None:
        try:
            conninfo_to_dict(value or "")
        except ProgrammingError:
            # The driver's own message quotes the value, which may hold a password.
            raise ValueError("not an address of a Postgres database (postgresql://user@host:5432/name)") from None
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        hosts = tuple(host.lower() for host in value)
        if wrong := [host for host in hosts if not _is_host(host)]:
            raise ValueError(f"{wrong[0]!r} is no name of a host (motif.example.org, without scheme and port)")
        return hosts

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError(f"{network!r} is no address and no network (10.0.0.0/8)") from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        origins = tuple(origin.lower() for origin in value)
        if wrong := [origin for origin in origins if not _is_origin(origin)]:
            raise ValueError(f"{wrong[0]!r} is no origin (https://app.example.org, without a path; never *)")
        return origins

    @field_validator("supabase_url")
    @classmethod
    def _is_project(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = value.rstrip("/")
        if not _is_origin(url.lower()):
            raise ValueError("not the address of a Supabase project (https://name.supabase.co, without a path)")
        return url

    @field_validator("supabase_jwt_secret")
    @classmethod
    def _can_sign(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < 32:
            raise ValueError("too short for HS256, which takes at least 32 bytes")
        if value is not None and info.data.get("supabase_url") is None:
            raise ValueError("needs MOTIF_SUPABASE_URL, which says who issues the tokens")
        return value

    # A key in the wrong one of the two lists would open everything to anybody, or nothing to us.
    @field_validator("supabase_publishable_keys")
    @classmethod
    def _are_publishable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(key.startswith("sb_publishable_") for key in value):
            raise ValueError("a key that does not begin with sb_publishable_")
        return value

    @field_validator("supabase_secret_keys")
    @classmethod
    def _are_secret(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        keys = [key.get_secret_value() for key in value]
        if not all(key.startswith("sb_secret_") and len(key) >= 26 for key in keys):
            raise ValueError("a key that does not begin with sb_secret_, or has less than 16 characters after it")
        return value

    @property
    def pooled(self) -> bool:
        """Whether the service's own connections go through a pooler in transaction mode."""
        return self.database_url is not None and self.database_pooler == "transaction"

    @property
    def admin_url(self) -> str | None:
        """URL to migrate with, or None on the embedded database."""
        return self.database_admin_url or self.database_url


def _is_host(name: str) -> bool:
    try:
        parts = urlsplit(f"//{name}")
        return bool(name) and parts.netloc == name and parts.port is None and parts.hostname == name.strip("[]")
    except ValueError:
        return False


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - read because it raises when the port is no number
    except ValueError:
        return False
    plain = parts.username is None and "*" not in parts.netloc and url == f"{parts.scheme}://{parts.netloc}"
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


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
