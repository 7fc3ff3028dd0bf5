"""An installation whose vendors are on the wire, and a model that reads: it quotes what a text says should be done."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from wire.exchange import Asked
from wire.server import Wire

from service.extraction.pipeline import Learned, process_interaction
from service.models.opening import InstalledRouter, open_router
from service.settings import Settings
from service.storage.database import Database

DOLLAR = 1_000_000_000
SETTINGS: dict[str, dict[str, Any]] = {
    "ollama": {"ollama_url": "{url}/ollama"},
    "anthropic": {"anthropic_url": "{url}/anthropic", "anthropic_api_key": "good"},
    "openai": {"openai_url": "{url}/openai/v1", "openai_api_key": "good"},
    # On an address that is not the installation's own: it costs.
    "compatible": {
        "compatible_url": "{url}/compatible/v1", "compatible_models": ("qwen3-8b-instruct",),
    },
}  # fmt: skip
MODELS = ("qwen3:8b", "llama3.2", "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "gpt-6-luna",
          "gpt-6.1-terra", "gpt-6.1-sol", "qwen3-8b-instruct")  # fmt: skip
TEXT = """Incident of Tuesday.

The worker died while it held the lock, and everybody waited for an hour.
We should always release the lock in a finally block.
Deployments must never run while a migration is under way.
Thanks to all who helped.
"""
LOCK = "We should always release the lock in a finally block."
DEPLOY = "Deployments must never run while a migration is under way."


def wants(asked: Asked) -> str:
    """Which task it is, as its answer's shape says."""
    properties = (asked.schema or {}).get("properties", {})
    return "content_analysis" if "worth" in properties else "pattern_extraction"


def material(asked: Asked) -> list[str]:
    """The lines that stand between the marks."""
    lines = asked.user.split("\n")
    mark = next(line.removeprefix("mark: ") for line in lines if line.startswith("mark: "))
    first, last = (n for n, line in enumerate(lines) if line == mark)
    return lines[first + 1 : last]


def stated(quote: str, **more: Any) -> dict[str, Any]:
    """A pattern as a model states it."""
    return {
        "name": quote.rstrip("."), "type": "reliability", "problem": "", "solution": quote, "steps": [],
        "recommendations": [], "tags": ["wire"], "confidence": 0.9, "quotes": [quote], **more,
    }  # fmt: skip


def reads(asked: Asked) -> dict[str, Any]:
    """A good model: every line that says what always, never or should is a pattern."""
    if wants(asked) == "content_analysis":
        return {"worth": True, "why": "It says what to do."}
    said = [line for line in material(asked) if any(word in line for word in ("should", "never", "always"))]
    return {"patterns": [stated(line.strip()) for line in said]}


def invents(asked: Asked) -> dict[str, Any]:
    """A bad one: its pattern sounds right, and nobody said it."""
    if wants(asked) == "content_analysis":
        return reads(asked)
    return {"patterns": [stated("All of them agreed that TLS has to be disabled everywhere.")]}


Install = Callable[..., AbstractAsyncContextManager["Installed"]]
"""Opens an installation that knows some vendors: `install("ollama", "anthropic", setting=value)`."""


class Installed:
    """A project on a test's own database, with a source and the vendors that the settings name."""

    def __init__(
        self, settings: Settings, database: Database, admin: psycopg.Connection[dict[str, Any]], *, new: bool = True
    ) -> None:
        self.settings = settings
        self.database = database
        self.admin = admin
        self.router: InstalledRouter | None = None
        self.project = self.row(
            "insert into projects (name) values ('ours') returning id" if new else "select id from projects"
        )["id"]
        self.source = self.new_source()

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What a statement gives, as the administrator."""
        cursor = self.admin.execute(query, values)  # pyright: ignore[reportArgumentType]
        return cursor.fetchall() if cursor.description else []

    def row(self, query: str, *values: object) -> dict[str, Any]:
        """Its only row."""
        (found,) = self.rows(query, *values)
        return found

    def new_source(self, remote_models: str = "allow", vendors: tuple[str, ...] = ()) -> UUID:
        """A source with that permission."""
        return self.row(
            """insert into sources (project_id, kind, name, external_id, remote_models, remote_vendors)
               values (%s, 'chat', gen_random_uuid(), gen_random_uuid(), %s, %s) returning id""",
            self.project, remote_models, list(vendors),
        )["id"]  # fmt: skip

    def hand_in(
        self, text: str = TEXT, *, kind: str = "document", priority: str = "interactive", source: UUID | None = None,
        emergency: bool = False,
    ) -> UUID:  # fmt: skip
        """An interaction that waits."""
        return self.row(
            """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, priority,
                                         redacted, emergency)
               values (%s, %s, %s, gen_random_uuid(), now(), %s, %s, true, %s) returning id""",
            self.project, source or self.source, kind, text, priority, emergency,
        )["id"]  # fmt: skip

    def allow(self, dollars: float, kind: str = "total") -> None:
        """Set a limit on the total or the emergency pool, for the day."""
        self.rows(
            """insert into budgets (kind, day_limit_nusd) values (%s, %s)
               on conflict (key) do update set day_limit_nusd = excluded.day_limit_nusd""",
            kind, round(dollars * DOLLAR),
        )  # fmt: skip

    async def process(self, interaction: UUID, **more: Any) -> Learned:
        """Learn from it, as a worker does."""
        learned = await process_interaction(self.database, None, interaction, router=self.router, **more)
        assert learned is not None
        return learned

    def patterns(self) -> list[dict[str, Any]]:
        """Every stored pattern with what it quotes; each quote stands in its interaction."""
        self.check_grounding()
        return self.rows(
            """select p.name, p.status, p.pattern_type, p.content, p.extraction_method, p.extraction_model,
                      p.extraction_confidence, p.confidence,
                      (select array_agg(e.quote order by e.char_start) from pattern_evidence e
                       where e.pattern_id = p.id) as quotes
               from patterns p order by p.name"""
        )

    def check_grounding(self) -> None:
        """Nothing is stored that its source does not say."""
        assert not self.rows(
            """select e.quote from pattern_evidence e join interactions i on i.id = e.interaction_id
               where substr(i.text, e.char_start + 1, e.char_end - e.char_start) <> e.quote"""
        )

    def tasks(self, *columns: str) -> list[Any]:
        """The tasks by what was begun first, with these columns."""
        found = self.rows("select * from tasks order by coalesce(finished_at, created_at), type")
        return [tuple(row[column] for column in columns) for row in found]

    def ledger(self, *columns: str) -> list[Any]:
        """The ledger's rows in their order, with these columns."""
        found = self.rows("select *, vendor || '/' || model_asked as asked from ledger order by created_at, id")
        return [tuple(row[column] for column in columns) for row in found]

    def spent_nusd(self) -> int:
        """What the ledger says."""
        return self.row("select coalesce(sum(cost_nusd), 0)::bigint as spent from ledger")["spent"]

    def held(self) -> int:
        """Reservations that are still open."""
        return self.row("select count(*) as held from reservations where state in ('held', 'sent')")["held"]

    def state(self, interaction: UUID) -> str:
        """The state of an interaction."""
        return self.row("select state from interactions where id = %s", interaction)["state"]


@asynccontextmanager
async def installed(
    service_url: str, database_url: str, data_dir: Path, wire: Wire, *vendors: str, new: bool = True, **more: Any
) -> AsyncIterator[Installed]:
    """An installation that knows these vendors of the wire; not `new`: the one that was there before."""
    given: dict[str, Any] = {"ollama_url": "none", "local_hosts": ("127.0.0.1",), "model_timeout_s": 20.0}
    for vendor in vendors:
        given |= {name: value.format(url=wire.url) if isinstance(value, str) else value
                  for name, value in SETTINGS[vendor].items()}  # fmt: skip
    settings = Settings(
        _env_file=None, data_dir=data_dir, database_url=service_url, embedding_model="none", **(given | more)
    )
    database = Database(service_url, pool_size=6, application="motif-test")
    await database.open()
    try:
        with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as admin:
            made = Installed(settings, database, admin, new=new)
            made.router = await open_router(settings, database)
            try:
                yield made
            finally:
                await made.router.close()
    finally:
        await database.close()
