"""An installation whose texts are embedded by a vendor on the wire, with sources that allow it and some that do not."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from mined import EXAMPLE, mine_lines
from psycopg.rows import dict_row
from wire.server import Seen, Wire

from service.extraction.mining import Mined
from service.matching.opening import open_vendor_embedder
from service.matching.request import MatchRequest, MatchResponse
from service.matching.search import match
from service.matching.vendor_embedder import VendorEmbedder
from service.models.opening import InstalledRouter, open_router
from service.settings import Settings
from service.storage.database import Caller, Database

DOLLAR = 1_000_000_000
CANARY = "zebrafish"
OPENAI = "openai:text-embedding-3-small"


def commits(path: Path, count: int, *, skip: int = 0, canary: str = "") -> Path:
    """Commits of the example's history, oldest first; the canary stands in each subject, body and path."""
    with EXAMPLE.open(encoding="utf-8") as file:
        lines = [json.loads(line) for line, _ in zip(file, range(400), strict=False)]
    lines.reverse()
    chosen = lines[skip : skip + count]
    for line in chosen if canary else ():
        line["subject"] += f" for {canary}"
        line["body"] = f"{line.get('body') or ''}\n\nSee {canary}.".strip()
        line["files"] = [*line.get("files", ()), {"path": f"src/{canary}/part.py", "added": 1, "deleted": 1}]
    path.write_text("".join(json.dumps(line) + "\n" for line in chosen), encoding="utf-8")
    return path


class House:
    """The installation. `heard`: why texts had no vectors, as it was said."""

    def __init__(
        self, database: Database, admin: psycopg.Connection[dict[str, Any]], wire: Wire, settings: Settings
    ) -> None:
        self.database = database
        self.admin = admin
        self.wire = wire
        self.settings = settings
        self.caller = Caller(settings.user_id)
        self.heard: list[str] = []
        self.router: InstalledRouter
        self.embedder: VendorEmbedder

    def run(self, query: str, *values: object) -> list[dict[str, Any]]:
        """As the administrator."""
        cursor = self.admin.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def grant(self, dollars: float) -> None:
        """Let so much be spent a day, and no more."""
        self.run("insert into budgets (kind, day_limit_nusd) values ('total', %s) on conflict (key) do update"
                 " set day_limit_nusd = excluded.day_limit_nusd", int(dollars * DOLLAR))  # fmt: skip

    def project(self, name: str = "team") -> UUID:
        """A project of the caller's."""
        [row] = self.run("insert into projects (name) values (%s) returning id", name)
        self.run("insert into auth.users (id) values (%s) on conflict do nothing", self.caller.user_id)
        self.run("insert into project_members (project_id, user_id, role) values (%s, %s, 'admin')"
                 " on conflict do nothing", row["id"], self.caller.user_id)  # fmt: skip
        return row["id"]

    def source(self, project: UUID, path: Path, *vendors: str, remote: str = "allow") -> UUID:
        """The source that a history of this path will be of."""
        [row] = self.run("insert into sources (project_id, kind, name, external_id, remote_models, remote_vendors)"
                         " values (%s, 'repository', %s, %s, %s, %s) returning id",
                         project, path.stem, f"file:{path.stem}", remote, list(vendors))  # fmt: skip
        return row["id"]

    async def mine(self, path: Path, project: str = "team") -> Mined:
        """Learn a history into the project."""
        return await mine_lines(self.database, self.caller, path, self.embedder, project=project)

    async def ask(self, intent: str, **more: Any) -> MatchResponse:
        """What is found for an intent."""
        request = MatchRequest(intent=intent, limit=100, audience=more.pop("audience", None))
        return await match(self.database, self.caller, self.embedder, request, **more)

    def sent(self) -> list[Seen]:
        """Requests with texts to embed."""
        return [seen for seen in self.wire.requests if seen.path in {"/v1/embeddings", "/api/embed"}]

    def texts(self) -> list[str]:
        """Every text that was sent."""
        given = [seen.body["input"] for seen in self.sent()]
        return [text for one in given for text in ([one] if isinstance(one, str) else one)]

    def ledger(self) -> list[dict[str, Any]]:
        """Every call, in the order of its writing."""
        return self.run("select * from ledger order by created_at, id")

    def without_vector(self) -> list[dict[str, Any]]:
        """Patterns that are found by their words alone."""
        return self.run("select p.id, p.name from patterns p join pattern_embeddings e on e.pattern_id = p.id"
                        " where e.embedding is null order by p.name")  # fmt: skip


@asynccontextmanager
async def housed(
    service_url: str, database_url: str, data_dir: Path, wire: Wire, model: str = OPENAI, **more: Any
) -> AsyncIterator[House]:
    """Open an installation on these databases that embeds with this model; other settings by name."""
    vendors: dict[str, Any] = {
        "openai": {"openai_url": f"{wire.url}/openai/v1", "openai_api_key": "good"},
        "ollama": {"ollama_url": f"{wire.url}/ollama"},
        "compatible": {"compatible_url": f"{wire.url}/compatible/v1"},
    }[model.partition(":")[0]]
    values: dict[str, Any] = {"ollama_url": "none", "data_dir": data_dir, "embedding_model": model, **vendors, **more}
    settings = Settings(_env_file=None, **values)
    database = Database(service_url, pool_size=4, application="motif-test")
    await database.open()
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as admin:
        house = House(database, admin, wire, settings)
        house.router = await open_router(settings, database)
        try:
            embedder = open_vendor_embedder(settings, house.router, database, heard=house.heard.append)
            assert embedder is not None
            house.embedder = embedder
            yield house
        finally:
            await house.router.close()
            await database.close()
