"""What `motif doctor` looks at. Nothing is migrated, exported or made, and no check ends in a traceback."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import Literal

import msgspec
from psycopg.conninfo import conninfo_to_dict

from routing.catalog import Place
from service.data_folder import open_data_folder
from service.errors import MotifError
from service.local_postgres import process
from service.local_postgres.server import open_local
from service.matching.embed import open_embedder
from service.matching.model_folder import exported, missing_for_export
from service.models.embedding import vendor_model
from service.models.looking import look, vendor_lines
from service.models.scoring import weights_of
from service.settings import Settings
from service.storage import health, migrate, pooling, search
from service.storage.connect import caller_of
from service.storage.database import Database, Role
from service.tokens.checker import checker_of

Status = Literal["ok", "warn", "fail"]

_NO_VECTORS = "without it Motif finds by words, paths and co-change only"
_INSTALL = "Install it with: pip install '.[local]' in Motif's folder, or set MOTIF_EMBEDDING_MODEL=none."


class Finding(msgspec.Struct, frozen=True):
    """One line of the report; `fix` is empty where there is nothing to do."""

    name: str
    status: Status
    detail: str
    fix: str = ""


async def examine(settings: Settings) -> AsyncGenerator[Finding]:
    """Every finding, as soon as it is known; what rests on something that failed is left out."""
    yield await _guarded("data folder", asyncio.to_thread(_data_folder, settings))
    async with AsyncExitStack() as stack:
        urls = None
        try:
            urls = await _urls(settings, stack)
            if urls is None:
                detail = f"embedded Postgres {settings.postgres_version}, made at the first use"
                yield Finding("database", "ok", detail)
        except Exception as error:
            yield failed("database", error)
        if urls is not None:
            migrations = await _guarded("database", _migrations(urls[0]))
            yield migrations
            if migrations.status != "fail":
                async for finding in _inside(settings, urls[1], stack):
                    yield finding
    yield await _guarded("tokens", _tokens(settings))
    yield await _guarded("embeddings", asyncio.to_thread(_embeddings, settings))
    yield await _guarded("language models", _language_models(settings))


def failed(name: str, error: Exception) -> Finding:
    """The finding for whatever went wrong."""
    if isinstance(error, MotifError):
        return Finding(name, "fail", error.message, error.fix)
    reason = (str(error).strip() or "no reason given").splitlines()[0]
    return Finding(name, "fail", f"unexpected {type(error).__name__}: {reason}", "Report it, with this line.")


async def _guarded(name: str, check: Awaitable[Finding]) -> Finding:
    try:
        return await check
    except Exception as error:
        return failed(name, error)


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir.expanduser().absolute()
    if folder.exists():
        return Finding("data folder", "ok", str(open_data_folder(folder)))
    parent = next(parent for parent in folder.parents if parent.exists())
    try:
        # Permission bits say little (root, read-only mounts), so a folder is really made, and removed.
        with tempfile.TemporaryDirectory(dir=parent):
            return Finding("data folder", "ok", f"{folder}, made at the first use")
    except OSError as error:
        fix = "Set MOTIF_DATA_DIR to a folder that can be created and written."
        return Finding("data folder", "fail", f"{folder} cannot be made: {error.strerror or error}.", fix)


async def _urls(settings: Settings, stack: AsyncExitStack) -> tuple[str, str] | None:
    """Where to look as the administrator and as the service; None for an embedded database that is not made yet."""
    if settings.database_url is not None:
        return str(settings.admin_url), settings.database_url
    folder = settings.data_dir.expanduser().absolute()
    if not (folder / "postgres" / "data" / "PG_VERSION").exists():
        process.programs(settings.postgres_version)
        return None
    local = await asyncio.to_thread(open_local, settings)
    stack.push_async_callback(asyncio.to_thread, local.close)
    return local.url(), local.url("motif_service")


async def _migrations(admin_url: str) -> Finding:
    status = await migrate.status(admin_url)
    if not status.pending:
        return Finding("migrations", "ok", f"all {len(status.applied)} applied")
    total = len(status.applied) + len(status.pending)
    fix = "Any other command applies them; so does the Supabase CLI with `supabase migration up`."
    # Without the first ones there is not even the role to look with.
    return Finding("migrations", "warn" if status.applied else "fail", f"{len(status.applied)} of {total} applied", fix)


async def _inside(settings: Settings, service_url: str, stack: AsyncExitStack) -> AsyncGenerator[Finding]:
    if settings.database_url is not None:
        yield await _guarded("pooler", _pooler(settings, settings.database_url))
    database = Database(service_url, pool_size=2, application="motif-doctor", pooled=settings.pooled)
    try:
        await database.open()
    except Exception as error:
        yield failed("database", error)
        return
    stack.push_async_callback(database.close)
    yield await _guarded("database", _server(settings, database))
    yield await _guarded("user", _user(settings, database))
    yield await _guarded("contents", _contents(database))
    yield await _guarded("vectors", _vectors(settings, database))
    yield await _guarded("jobs", _jobs(database))


async def _pooler(settings: Settings, url: str) -> Finding:
    usual = pooling.is_at_the_usual_port(url)
    if await pooling.transactions_are_pooled(url):
        detail = "in transaction mode, between Motif and the database"
        if settings.pooled:
            return Finding("pooler", "ok", f"{detail}; workers look for jobs instead of being told")
        fix = "Set MOTIF_DATABASE_POOLER=transaction, or a MOTIF_DATABASE_URL that leads straight to the database."
        return Finding("pooler", "fail", f"{detail}, and not said", fix)
    if usual and not settings.pooled:
        fix = "If it is one, set MOTIF_DATABASE_POOLER=transaction."
        return Finding("pooler", "warn", "port 6543 is that of Supabase's pooler in transaction mode", fix)
    if settings.pooled and not usual:
        fix = "If there is none, set MOTIF_DATABASE_POOLER=none: workers are then told of jobs."
        return Finding("pooler", "warn", "one in transaction mode is said to be there, and does not show", fix)
    return Finding("pooler", "ok", "in transaction mode, by its port" if usual else "none in transaction mode")


async def _server(settings: Settings, database: Database) -> Finding:
    async with database.transaction(Role.SERVICE) as connection:
        server = await health.server(connection)
    where = "embedded"
    if settings.database_url is not None:
        parts = conninfo_to_dict(settings.database_url)
        where = f"external ({parts.get('host') or 'local socket'}, {parts.get('dbname') or 'default database'})"
    detail = f"{where}, Postgres {server.version}, pgvector {server.pgvector}, as {server.login}"
    if server.bypasses_rls:
        fix = "Let MOTIF_DATABASE_URL log in as motif_service, and MOTIF_DATABASE_ADMIN_URL as this role."
        return Finding("database", "warn", f"{detail}, a role that row-level security does not hold", fix)
    return Finding("database", "ok", detail)


async def _user(settings: Settings, database: Database) -> Finding:
    caller = await caller_of(settings, database)
    return Finding("user", "ok", f"commands act as {caller.user_id}")


async def _contents(database: Database) -> Finding:
    async with database.transaction(Role.SERVICE) as connection:
        found = await health.totals(connection)
    detail = f"{found.projects} projects, {found.interactions} interactions, {found.patterns} patterns"
    if not found.patterns:
        return Finding("contents", "ok", detail, "Run `motif mine` in a git repository.")
    return Finding("contents", "ok", detail)


async def _vectors(settings: Settings, database: Database) -> Finding:
    async with database.transaction(Role.SERVICE) as connection:
        rows = await search.counts(connection)
    by_model = ", ".join(f"{row['rows']} under {row['name']}" for row in rows) or "none yet"
    at_vendor = vendor_model(settings)
    name = ":".join(at_vendor) if at_vendor else None
    if at_vendor is None and _wants_vectors(settings):
        manifest = exported(settings.data_dir, settings.embedding_model.strip())
        name = manifest.model_id if manifest else None
    if name is None:
        return Finding("vectors", "ok", by_model)
    others = sum(row["rows"] for row in rows if row["name"] != name)
    lacking = sum(row["without_vector"] for row in rows if row["name"] == name)
    if others or (lacking and at_vendor is None):
        detail = f"{by_model}; {others + lacking} patterns have no vector of {name}"
        return Finding("vectors", "warn", detail, "Run `motif embeddings rebuild`.")
    if lacking:
        fix = "`motif embeddings status` says which may have one; `motif embeddings fill` asks for those."
        return Finding("vectors", "ok", f"{by_model}; {lacking} of them found by words alone", fix)
    return Finding("vectors", "ok", by_model)


async def _jobs(database: Database) -> Finding:
    async with database.transaction(Role.SERVICE) as connection:
        states = await health.jobs_by_state(connection)
        alive = await health.workers_alive(connection)
    waiting, broken = states.get("todo", 0), states.get("failed", 0)
    detail = f"{waiting} waiting, {states.get('doing', 0)} running, {broken} failed, {alive} workers"
    if broken:
        return Finding("jobs", "warn", detail, "See `motif jobs list`, then `motif jobs retry`.")
    if waiting and not alive:
        return Finding("jobs", "warn", detail, "Run `motif worker`, or `motif serve`.")
    return Finding("jobs", "ok", detail)


async def _tokens(settings: Settings) -> Finding:
    detail = await checker_of(settings).look()
    if settings.supabase_url is not None and settings.supabase_url.startswith("http:"):
        fix = "Outside of a private network use https: whoever can change the answer can sign in as anybody."
        return Finding("tokens", "warn", f"{detail}, fetched without TLS", fix)
    return Finding("tokens", "ok", detail)


def _embeddings(settings: Settings) -> Finding:
    if not _wants_vectors(settings):
        return Finding("embeddings", "ok", "none, as set: words, paths and co-change only")
    model = settings.embedding_model.strip()
    if vendor_model(settings) is not None:
        return Finding("embeddings", "ok", f"{model}, asked only with what its sources and budgets allow")
    manifest = exported(settings.data_dir, model)
    lacking = [name for name in ("onnxruntime", "tokenizers") if find_spec(name) is None]
    if manifest is None:
        lacking += missing_for_export()
    if lacking:
        return Finding("embeddings", "warn", f"{model}: {lacking[0]} is not installed; {_NO_VECTORS}", _INSTALL)
    if manifest is None:
        return Finding("embeddings", "ok", f"{model}, exported at the first use (about 20 s)")
    if (embedder := open_embedder(settings, workers=1)) is not None:
        embedder.embed(["motif"])
    return Finding("embeddings", "ok", f"{manifest.model_id}, {manifest.dimension} dimensions, exported, answers")


async def _language_models(settings: Settings) -> Finding:
    await asyncio.to_thread(weights_of, settings)
    seen = await look(settings)
    lines = vendor_lines(settings, seen.heard, seen.catalog, limited=None)
    for line in lines:
        if line.status == "fail":
            fix = "`motif models doctor` says more; the built-in extractor takes over meanwhile."
            return Finding("language models", "warn", f"{line.name}: {line.detail}", fix)
    local = sum(model.place is Place.LOCAL for model in seen.catalog.models)
    commercial = len(seen.catalog.models) - local
    if not seen.catalog.models:
        return Finding("language models", "ok", "none: the built-in extractor does the work")
    return Finding("language models", "ok", f"{local} local, {commercial} commercial; `motif models doctor` says more")


def _wants_vectors(settings: Settings) -> bool:
    return settings.embedding_model.strip().lower() not in {"", "none"}
