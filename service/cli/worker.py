"""`motif worker`: does the jobs that wait, on this machine, until it is told to stop."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from service.cli.run import embedder_at_vendor, embedder_or_words, err, models, out, run
from service.log import configure_logging
from service.models.embedding import vendor_model
from service.settings import Settings, load_settings
from service.storage.connect import open_database


def worker(
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=64, help="Jobs at once (MOTIF_WORKER_CONCURRENCY).")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Do what waits, then end.")] = False,
) -> None:
    """Do the jobs that wait. Any number of workers may run, on any number of machines."""
    settings = load_settings()
    if concurrency is not None:
        settings = settings.model_copy(update={"worker_concurrency": concurrency})
    configure_logging(settings)
    run(_worker(settings, once=once))


async def _worker(settings: Settings, *, once: bool) -> None:
    # Imported here: no other command has to wait for the queue.
    from service.worker import run_worker  # noqa: PLC0415

    endings: Counter[str] = Counter()
    stop = asyncio.Event()
    with _set_by_signals(stop):
        here = None if vendor_model(settings) else await asyncio.to_thread(embedder_or_words, settings)
        database = await open_database(settings, application="motif-worker")
        try:
            if not once:
                err.print("Waiting for jobs. Ctrl-C stops.")
            async with (
                models(settings, database) as router,
                embedder_at_vendor(settings, database, router) as at_vendor,
            ):
                await run_worker(
                    settings,
                    database,
                    here or at_vendor,
                    router,
                    stop=stop,
                    once=once,
                    ended=lambda _task, ending: endings.update([ending.value]),
                )
        finally:
            await database.close()
    out.print(_summary(endings))
    if endings["given_back"]:
        # Threads cannot be cancelled. What they still compute was given back and counts for nothing.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    if once and endings["failed"]:
        raise typer.Exit(1)


@contextmanager
def _set_by_signals(stop: asyncio.Event) -> Generator[None]:
    """Set `stop` at SIGTERM or SIGINT. Only at the first: the next one ends the process the hard way."""
    loop = asyncio.get_running_loop()

    def at_signal() -> None:
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        err.print("Stopping. Jobs under way may end, or are given back.")

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, at_signal)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


_WORDS = {
    "done": "done",
    "postponed": "postponed because another process learns the same history",
    "retry": "failed and will be tried again",
    "failed": "failed (`motif jobs list --status failed`)",
    "given_back": "given back",
}


def _summary(endings: Counter[str]) -> str:
    parts = [f"{endings[ending]} {words}" for ending, words in _WORDS.items() if endings[ending]]
    return f"Jobs: {', '.join(parts)}." if parts else "No jobs waited."
