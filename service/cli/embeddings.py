"""`motif embeddings`: what patterns are embedded with, and embedding them anew with the model that is set."""

from typing import Annotated, Any

import typer
from rich.progress import Progress

from service.cli.run import err, out, print_json, run, session
from service.matching.rebuild import rebuild
from service.storage import search
from service.storage.database import Role

app = typer.Typer(no_args_is_help=True, help="See and rebuild the embeddings of patterns.")


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Say how many patterns are stored under which model."""

    async def read() -> list[dict[str, Any]]:
        async with session() as opened, opened.database.transaction(Role.SERVICE) as connection:
            return await search.counts(connection)

    rows = run(read())
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("No patterns are stored yet.")
    for row in rows:
        out.print(f"{row['name']}: {row['rows']} patterns, {row['without_vector']} of them without a vector")


@app.command("rebuild")
def rebuild_command(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Embed every pattern anew with MOTIF_EMBEDDING_MODEL; until it is done the old ones stay in use."""

    async def embed() -> int:
        async with session(embeds=True) as opened:
            with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
                row = bar.add_task("embedding", total=None)
                return await rebuild(
                    opened.database,
                    opened.embedder,
                    progress=lambda done, total: bar.update(row, completed=done, total=total),
                )

    embedded = run(embed())
    if json:
        print_json({"patterns": embedded})
    else:
        out.print(f"{embedded} patterns embedded anew.")
