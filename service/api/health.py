"""/health/live, /health/ready and /metrics: for balancers, orchestrators and Prometheus. No content, no addresses."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from service.api.auth import caller_of
from service.api.guard import is_private
from service.api.metrics import CONTENT_TYPE
from service.api.parts import Parts
from service.api.problem import refusals
from service.costs.budgets import amounts_by_part
from service.errors import DatabaseError, Forbidden, MotifError
from service.log import logger
from service.storage import health, migrate
from service.storage.budgets import list_budgets
from service.storage.database import Role
from service.storage.search import active_model, count_rows

_PATIENCE_S = 3.0  # less than what balancers wait, and than the pool's own ten seconds

Status = Literal["ok", "degraded", "down"]


class PartHealth(msgspec.Struct, frozen=True):
    """One part: `degraded` still serves, with less; `down` does not serve."""

    status: Status
    detail: str


class Readiness(msgspec.Struct, frozen=True):
    """Every part, and the worst of the needed ones."""

    status: Status
    parts: dict[str, PartHealth]


class Liveness(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


@get("/health/live", summary="Is the process up", response_description="It is.", tags=["Health"], sync_to_thread=False)
def live() -> Liveness:
    """Answers as long as the process can."""
    return Liveness()


@get(
    "/health/ready",
    summary="Can requests be served",
    response_description="Yes; each part in detail.",
    description="503 when a needed part is down. Missing embeddings or workers only degrade the service.",
    tags=["Health"],
    responses={503: ResponseSpec(Readiness, description="A needed part is down.", generate_examples=False)},
)
async def ready(parts: NamedDependency[Parts]) -> Response[Readiness]:
    """Look at each part now; who asks while somebody looks is told the same."""
    if parts.looking is None or parts.looking.done():
        # Anybody may ask, as often as they like: a look for each would take the connections of those who have rights.
        parts.looking = asyncio.create_task(_look(parts), name="motif-ready")
    readiness = await asyncio.shield(parts.looking)
    down = readiness.status == "down"
    return Response(readiness, status_code=HTTPStatus.SERVICE_UNAVAILABLE if down else HTTPStatus.OK)


@get(
    "/metrics",
    media_type="text/plain",
    summary="Measures for Prometheus",
    response_description="Its text format.",
    description="Where others than this machine can ask, they need the service's own secret key.",
    tags=["Health"],
    responses={status: refusals()[status] for status in (401, 403, 429)},
)
async def metrics(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Response[bytes]:
    """The measures, with the numbers of jobs as they are now; without those while the database is down.

    Open where only this machine can ask; else they are for whoever holds one of the service's own keys.
    """
    if not is_private(parts.settings) and (await caller_of(request, parts)).user_id is not None:
        raise Forbidden("The measures are for the service's operator.", fix="Send one of MOTIF_SUPABASE_SECRET_KEYS.")
    try:
        async with asyncio.timeout(_PATIENCE_S), parts.database.transaction(Role.SERVICE) as connection:
            parts.metrics.jobs(await health.jobs_by_state(connection))
            parts.metrics.budgets(amounts_by_part(await list_budgets(connection)))
    except (DatabaseError, TimeoutError) as error:
        parts.metrics.jobs({})
        parts.metrics.budgets({})
        logger().warning("jobs and budgets not counted", error_type=type(error).__name__)
    return Response(parts.metrics.render(), headers={"content-type": CONTENT_TYPE})


async def _look(parts: Parts) -> Readiness:
    database, migrations = await asyncio.gather(_patiently(_database(parts)), _patiently(_migrations(parts)))
    down = "down" in (database.status, migrations.status)
    unknown = PartHealth("degraded", "not known while the database is down")
    found = {
        "database": database,
        "migrations": migrations,
        "embeddings": unknown if down else await _patiently(_embeddings(parts)),
        "worker": unknown if down else await _patiently(_worker(parts)),
    }
    degraded = any(part.status != "ok" for part in found.values())
    return Readiness("down" if down else "degraded" if degraded else "ok", found)


async def _patiently(look: Awaitable[PartHealth]) -> PartHealth:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await look
    except TimeoutError:
        return PartHealth("down", f"no answer within {_PATIENCE_S:g} s")
    except MotifError as error:
        # The reason may name hosts and roles: it goes to the log, the code to whoever asks.
        logger().warning("a part is down", code=error.code, reason=str(error))
        return PartHealth("down", error.code)


async def _database(parts: Parts) -> PartHealth:
    async with parts.database.transaction(Role.SERVICE) as connection:
        server = await health.server(connection)
    return PartHealth("ok", f"Postgres {server.version}, pgvector {server.pgvector}")


async def _migrations(parts: Parts) -> PartHealth:
    status = await migrate.status(parts.database.url)
    total = len(status.applied) + len(status.pending)
    return PartHealth("down" if status.pending else "ok", f"{len(status.applied)} of {total} applied")


async def _embeddings(parts: Parts) -> PartHealth:
    if parts.embedder is None:
        return PartHealth("degraded", parts.embedder_missing or "none configured: words, paths and co-change only")
    async with parts.database.transaction(Role.SERVICE) as connection:
        model = await active_model(connection)
        stored = model is not None and model.name != parts.embedder.model_id and await count_rows(connection)
    if model is not None and stored:
        return PartHealth("degraded", f"patterns are stored with {model.name}, texts with {parts.embedder.model_id}")
    dimension = parts.embedder.dimension
    return PartHealth("ok", f"{parts.embedder.model_id}, {f'{dimension} dimensions' if dimension else 'not asked yet'}")


async def _worker(parts: Parts) -> PartHealth:
    if parts.worker == "restarting":
        return PartHealth("degraded", "the worker inside failed and is started again")
    if parts.worker == "running":
        return PartHealth("ok", "runs inside")
    async with parts.database.transaction(Role.SERVICE) as connection:
        alive = await health.workers_alive(connection)
    return PartHealth("ok", f"{alive} elsewhere") if alive else PartHealth("degraded", "none runs; jobs wait")
