"""`motif extract`: one document or conversation into patterns."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from routing.task import Priority
from service.cli.run import models, out, print_json, run, session
from service.costs.money import shown
from service.errors import RequestInvalid
from service.extraction.asking import BUILTIN, Reader
from service.extraction.document import read_document, read_document_file
from service.extraction.intake import as_row
from service.extraction.interaction import Interaction, Kind
from service.extraction.pipeline import Learned, process_interaction
from service.models.scoring import weights_of
from service.settings import load_settings
from service.storage import interactions, jobs
from service.storage.database import Role
from service.storage.projects import create_project
from service.storage.rights import require
from service.storage.sources import create_source

# As `interactions.external_key` has it.
LONGEST_NAME = 500


def extract(
    file: Annotated[Path, typer.Argument(help="A document or conversation; - for standard input.", allow_dash=True)],
    project: Annotated[str | None, typer.Option(help="Project to learn into; `documents` by default.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What it is; guessed from its form by default.")] = None,
    name: Annotated[str | None, typer.Option(help="A lasting name for it; the file's by default.")] = None,
    emergency: Annotated[
        bool,
        typer.Option("--emergency", help="It cannot wait: the most capable model, if need be from its own budget."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Learn from one document or conversation: what was decided, what always or never to do, what fixed what."""
    settings = load_settings()
    longest = settings.max_text_chars
    if str(file) == "-":
        now = datetime.now(UTC)
        interaction = read_document(sys.stdin.buffer, name=name, occurred_at=now, kind=kind, max_text_chars=longest)
    else:
        interaction = read_document_file(file, name=name, kind=kind, max_text_chars=longest)
    if len(interaction.external_key) > LONGEST_NAME:
        raise RequestInvalid(f"A document's name has at most {LONGEST_NAME} characters.", fix="Give one with --name.")
    learned = run(_extract(interaction, project, emergency=emergency))
    if json:
        print_json(learned)
        return
    if learned is None:
        out.print("Nothing new: this text was learned from before. `motif patterns list` shows what was found.")
        return
    for reader in learned.readers:
        out.print(f"[dim]{escape(_read_by(reader))}[/dim]")
    out.print(f"[dim]`motif route explain {learned.interaction_id}` says more.[/dim]")
    for pattern in learned.patterns:
        out.print(f"[green]+[/green] [bold]{escape(pattern.name)}[/bold]  [dim]{pattern.pattern_type}[/dim]")
    if learned.dropped:
        out.print(
            f"[yellow]{learned.dropped} of what was answered does not stand in the text, and was dropped.[/yellow]"
        )
    if learned.reason:
        out.print(f"{escape(learned.reason)} Next: `motif mine PATH` learns from a whole history.")


def _read_by(reader: Reader) -> str:
    name = "the built-in extractor" if reader.extractor == BUILTIN else reader.extractor
    pieces = f"{reader.pieces} pieces read" if reader.pieces > 1 else "Read"
    cost = f" It cost {shown(reader.cost_nusd)}." if reader.cost_nusd else ""
    return f"{pieces} by {name}. {reader.why}{cost}"


async def _extract(interaction: Interaction, project_name: str | None, *, emergency: bool) -> Learned | None:
    async with session(embeds=True) as opened:
        async with opened.database.transaction(Role.SERVICE) as connection:
            project = await create_project(
                connection,
                opened.caller,
                "documents" if project_name is None else project_name,
                chosen=project_name is not None,
            )
            source = await create_source(connection, project, "folder", "documents", "documents")
        if emergency:
            async with opened.database.reading(opened.caller) as connection:
                await require(connection, opened.caller, project.id, "admin")
        row = {**as_row(interaction), "emergency": emergency}
        async with opened.database.transaction(Role.SERVICE) as connection:
            await interactions.insert_interactions(connection, source, [row], priority=Priority.INTERACTIVE.value)
            stored = await interactions.id_of(connection, source, interaction.external_key, interaction.revision)
        async with models(opened.settings, opened.database) as router:
            learned = await process_interaction(
                opened.database, opened.embedder, stored, router=router, weights=weights_of(opened.settings)
            )
        async with opened.database.transaction(Role.SERVICE) as connection:
            # The job that the insert queued has nothing left to do.
            await jobs.cancel_waiting_process(connection, stored)
        return learned
