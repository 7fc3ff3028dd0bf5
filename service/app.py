"""The service over HTTP, put together: `create_app(settings)` is the only place that knows every part."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.events import BaseEventEmitterBackend

from routing.router import Router
from service.api import (
    audit,
    budgets,
    costs,
    erasure,
    installation,
    interactions,
    keys,
    me,
    members,
    pattern_parts,
    patterns,
    project_export,
    projects,
    route,
    sources,
    usage,
    validations,
)
from service.api.auth import authenticate, identify
from service.api.body import MAX_BODY_BYTES, StrictRequest
from service.api.docs import openapi_config
from service.api.envelope import Envelope
from service.api.guard import guard_of
from service.api.health import live, metrics, ready
from service.api.jwks import key_set
from service.api.match import match_patterns
from service.api.parts import Parts, RunWorker
from service.api.problem import answer, note, problem_kind
from service.api.query_parameters import refuse_unknown
from service.errors import EmbeddingError
from service.log import logger
from service.matching.embed import open_embedder
from service.matching.embedder import Embedder
from service.matching.opening import open_vendor_embedder
from service.models.embedding import vendor_model
from service.models.opening import open_router
from service.settings import Settings
from service.storage.connect import open_database
from service.storage.database import Database
from service.storage.permission import Origin
from service.tokens.checker import checker_of
from service.tokens.claims import Verifier

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_FLUSH_EVERY_S = 5.0


def create_app(
    settings: Settings,
    *,
    database: Database | None = None,
    embedder: Embedder | None = None,
    open_embedder: Callable[[Settings], Embedder | None] = open_embedder,
    worker: RunWorker | None = None,
    verifier: Verifier | None = None,
    router: Router | None = None,
) -> Litestar:
    """The service as an ASGI app; nothing is opened before its lifespan begins.

    `database`, `embedder`, `router`: already open, left open at the end; what is not given is opened and closed here.
    `worker`: runs inside, started again when it fails. `verifier`: says whose tokens are believed. Raises
    ConfigurationError for a host that cannot be listened on.
    """
    guard = guard_of(settings)
    checker = checker_of(settings)
    parts = Parts(settings, verifier=verifier or checker, database=database, embedder=embedder, router=router)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            if verifier is None:
                checker.open()
                stack.push_async_callback(checker.close)
            if database is None:
                parts.database = await open_database(settings, application="motif-serve")
                stack.push_async_callback(parts.database.close)
            if router is None:
                parts.router = await open_router(settings, parts.database)
                stack.push_async_callback(parts.router.close)
            if embedder is None:
                parts.embedder = await _embedder(parts, open_embedder)
                if parts.embedder is not None:
                    stack.callback(parts.embedder.close)
            await stack.enter_async_context(_counting(parts))
            if worker is not None:
                await stack.enter_async_context(_working(parts, worker))
            yield

    app = Litestar(
        route_handlers=[
            *(match_patterns, problem_kind, key_set, live, ready, metrics),
            *keys.ROUTES,
            *me.ROUTES,
            *projects.ROUTES,
            *members.ROUTES,
            *sources.ROUTES,
            *installation.ROUTES,
            *audit.ROUTES,
            *budgets.ROUTES,
            *costs.ROUTES,
            *erasure.ROUTES,
            *project_export.ROUTES,
            *patterns.ROUTES,
            *pattern_parts.ROUTES,
            *usage.ROUTES,
            *validations.ROUTES,
            *interactions.ROUTES,
            *route.ROUTES,
        ],
        dependencies={"parts": Provide(lambda: parts, sync_to_thread=False), "caller": Provide(identify)},
        exception_handlers={Exception: answer},
        guards=[authenticate, refuse_unknown],
        request_class=StrictRequest,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=openapi_config(),
        lifespan=[lifespan],
        event_emitter_backend=_NoEvents,
        logging_config=None,  # its queue listener costs a thread and a hop for each line; service.log does it
        state=State({"parts": parts}),
    )
    app.asgi_handler = Envelope(app.asgi_handler, parts.metrics, guard)
    return app


class _NoEvents(BaseEventEmitterBackend):
    """Litestar's own emitter waits in a task group, which would wrap every error of a failed start in a group."""

    def emit(self, event_id: str, *args: Any, **kwargs: Any) -> None:
        """Motif has no listeners: what happens is told by the database."""

    async def __aexit__(self, *_error: object) -> None:
        """Nothing was opened."""


async def _embedder(parts: Parts, opener: Callable[[Settings], Embedder | None]) -> Embedder | None:
    """The embedder, warmed up; None, and said, when it is not to be had: words alone still find.

    A vendor is asked nothing before there is something to embed.
    """
    if vendor_model(parts.settings) is not None:
        return open_vendor_embedder(parts.settings, parts.router, parts.database, heard=_without_vectors)
    try:
        embedder = await asyncio.to_thread(opener, parts.settings)
        if embedder is not None:
            await embedder.vectors_of(["warm-up"], [Origin()])
    except EmbeddingError as error:
        parts.embedder_missing = error.code
        logger().warning("no embeddings", code=error.code, reason=str(error))
        return None
    return embedder


def _without_vectors(why: str) -> None:
    logger().warning("texts without vectors", code=why)


@asynccontextmanager
async def _counting(parts: Parts) -> AsyncGenerator[None]:
    """Write the counts of matches now and then, and once more at the end."""
    task = asyncio.create_task(_keep_counting(parts), name="motif-match-counts")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _flush(parts)


async def _keep_counting(parts: Parts) -> None:
    while True:
        await asyncio.sleep(_FLUSH_EVERY_S)
        await _flush(parts)


async def _flush(parts: Parts) -> None:
    try:
        await parts.matches.flush(parts.database)
        await parts.key_uses.flush(parts.database)
    except Exception as error:  # whatever it was, the counts are kept for the next time
        note(error)


@asynccontextmanager
async def _working(parts: Parts, worker: RunWorker) -> AsyncGenerator[None]:
    """Run the worker beside the requests until the block ends."""
    parts.worker = "running"
    task = asyncio.create_task(_keep_working(parts, worker), name="motif-worker")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        parts.worker = "elsewhere"


async def _keep_working(parts: Parts, worker: RunWorker) -> None:
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            parts.worker = "running"
            await worker(parts.settings, parts.database, parts.embedder, parts.router)
            return
        except Exception as error:  # whatever ended it, jobs must not wait for ever
            note(error)
            parts.worker = "restarting"
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
