"""What every command shares: its session, running a coroutine, and printing for people or machines."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
import structlog
from rich.console import Console
from rich.markup import escape

from routing.router import Router
from service.errors import EmbeddingUnavailable
from service.matching.embed import open_embedder
from service.matching.embedder import Embedder
from service.models.embedding import vendor_model
from service.settings import Settings, load_settings
from service.storage.connect import caller_of, open_database
from service.storage.database import Caller, Database

T = TypeVar("T")

# Piped, a table keeps its columns on one line each instead of Rich's 80 characters.
# What is shown are other people's words: `:bug:` in them stays as it is.
out = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
# What is not the answer goes to stderr, so that `--json` can be piped.
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


class Session(msgspec.Struct, frozen=True):
    """What a command works with: an open database, the embedder if there is one, and whom it acts as."""

    settings: Settings
    database: Database
    embedder: Embedder | None
    caller: Caller


def correlated() -> AbstractContextManager[object]:
    """A correlation id for one command, by which the versions that it writes are told from others."""
    return structlog.contextvars.bound_contextvars(correlation_id=f"cli-{uuid4().hex}")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end, or until Ctrl-C or SIGTERM: then what it had begun is settled, a line says
    how to go on, and the exit code is 130 or 143.
    """
    try:
        with correlated():
            return asyncio.run(_until_told(coroutine))
    except KeyboardInterrupt:
        code = 130
    except _ToldToStop:
        code = 143
    # Typer would end in silence.
    err.print("[red]motif:[/red] interrupted; run the same command again to go on.")
    sys.exit(code)


class _ToldToStop(Exception):
    """SIGTERM came."""


async def _until_told(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine, cancelled at SIGTERM as asyncio does at Ctrl-C: a call to a model may be under way, and costs."""
    loop, task, told = asyncio.get_running_loop(), asyncio.current_task(), False

    def stop() -> None:
        nonlocal told
        told = True
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        return await coroutine
    except asyncio.CancelledError:
        if told:
            raise _ToldToStop from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


@asynccontextmanager
async def session(*, embeds: bool = False) -> AsyncGenerator[Session]:
    """Open what a command needs and close it afterwards; `embeds` asks for the embedding model too."""
    settings = load_settings()
    # A model in this process first: what is missing for it is told before a database is started.
    embedder = await asyncio.to_thread(embedder_or_words, settings) if embeds and not vendor_model(settings) else None
    database = await open_database(settings)
    try:
        async with AsyncExitStack() as stack:
            if embeds and embedder is None:
                embedder = await stack.enter_async_context(embedder_at_vendor(settings, database))
            yield Session(settings, database, embedder, await caller_of(settings, database))
    finally:
        await database.close()


@asynccontextmanager
async def models(settings: Settings, database: Database) -> AsyncGenerator[Router]:
    """What asks models, as the settings want it; closed afterwards, when what calls cost is written down."""
    # Imported here: most commands ask no model.
    from service.models.opening import open_router  # noqa: PLC0415

    router = await open_router(settings, database)
    try:
        yield router
    finally:
        await router.close()


@asynccontextmanager
async def embedder_at_vendor(
    settings: Settings, database: Database, router: Router | None = None
) -> AsyncGenerator[Embedder | None]:
    """The embedder of a vendor's model, with a router of its own unless one is given; None where none is named."""
    asked = vendor_model(settings)
    if asked is None:
        yield None
        return
    # Imported here: most commands ask no model.
    from service.matching.opening import open_vendor_embedder, why_words  # noqa: PLC0415

    model = ":".join(asked)
    async with AsyncExitStack() as stack:
        router = router or await stack.enter_async_context(models(settings, database))
        yield open_vendor_embedder(
            settings, router, database, heard=lambda why: err.print(f"[yellow]{escape(why_words(model, why))}[/yellow]")
        )


def embedder_or_words(settings: Settings) -> Embedder | None:
    """The embedder; without what runs the default model, None and a line that says what is missing.

    A model that was named and is not there is an error instead: words alone would not be what was asked for.
    """
    try:
        return open_embedder(settings, on_export=lambda line: err.print(f"[dim]{escape(line)}[/dim]"))
    except EmbeddingUnavailable as error:
        if "embedding_model" in settings.model_fields_set:
            raise
        err.print(f"[yellow]Words, paths and co-change only:[/yellow] {escape(str(error))}")
        return None


def print_json(value: object) -> None:
    """Print a value as JSON, indented, on stdout."""
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
    sys.stdout.write(text.decode() + "\n")
