"""`motif embeddings`: what patterns are embedded with, and embedding them anew with the model that is set."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress

from service.cli.run import err, out, print_json, run, session
from service.matching.filling import Filled, fill, held_back
from service.matching.rebuild import rebuild
from service.models.embedding import vendor_model
from service.settings import load_settings
from service.storage import search
from service.storage.database import Role

app = typer.Typer(no_args_is_help=True, help="See and rebuild the embeddings of patterns.")


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Say how many patterns are stored under which model, and how many of them have no vector."""
    # Whether a vendor may see what has no vector depends on where its model runs, which only it can say.
    asks = vendor_model(load_settings()) is not None

    async def read() -> list[dict[str, Any]]:
        async with session(embeds=asks) as opened:
            async with opened.database.transaction(Role.SERVICE) as connection:
                rows = await search.counts(connection)
            kept = await held_back(opened.database, opened.embedder)
            return [{**row, "held_back": kept if row["active"] else 0} for row in rows]

    rows = run(read())
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("No patterns are stored yet.")
    for row in rows:
        out.print(f"{row['name']}: {row['rows']} patterns, {row['without_vector']} of them without a vector")
        later = row["without_vector"] - row["held_back"]
        if row["held_back"]:
            out.print(f"  {row['held_back']} will have none: their sources do not allow it (`motif sources list`)")
        if asks and row["active"] and later:
            out.print(f"  {later} may have one: `motif embeddings fill` asks for it, and so does the next learning")


@app.command("fill")
def fill_command(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Embed what has no vector of a vendor's model yet, as far as sources and budgets allow."""

    async def embed() -> Filled:
        async with session(embeds=True) as opened:
            with _bar() as told:
                return await fill(opened.database, opened.embedder, progress=told)

    filled = run(embed())
    if json:
        print_json(filled)
        return
    out.print(f"{filled.given} patterns embedded, {filled.lacking} without a vector.")
    if filled.why:
        out.print(f"[dim]{escape(filled.why)}[/dim]")


@app.command("rebuild")
def rebuild_command(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Embed every pattern anew with MOTIF_EMBEDDING_MODEL; until it is done the old ones stay in use."""

    async def embed() -> int:
        async with session(embeds=True) as opened:
            with _bar() as told:
                return await rebuild(opened.database, opened.embedder, progress=told)

    embedded = run(embed())
    if json:
        print_json({"patterns": embedded})
    else:
        out.print(f"{embedded} patterns embedded anew.")


@contextmanager
def _bar() -> Generator[Callable[[int, int], None]]:
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        row = bar.add_task("embedding", total=None)
        yield lambda done, total: bar.update(row, completed=done, total=total)
