"""`motif patterns`: list, show, import and export what was learned."""

import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from service.cli.run import err, out, print_json, run, session
from service.errors import InputInvalid
from service.extraction.import_lines import ImportedPattern, read_patterns
from service.extraction.importing import ImportedResult, import_patterns
from service.matching.request import Status
from service.storage import patterns
from service.storage.database import Connection, Role
from service.storage.projects import project_named

app = typer.Typer(no_args_is_help=True, help="List, show, import and export patterns.")

ProjectOption = Annotated[str | None, typer.Option("--project", help="Only this project.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_patterns(
    project: ProjectOption = None,
    status: Annotated[Status | None, typer.Option(help="Only this status.")] = None,
    pattern_type: Annotated[str | None, typer.Option("--type", help="Only this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    json: JsonOption = False,
) -> None:
    """List patterns, the most certain first."""

    async def read() -> list[dict[str, Any]]:
        async with session() as opened, opened.database.transaction(Role.TEAM_CLIENT, opened.caller) as connection:
            return await patterns.page(
                connection,
                project_id=await _project_id(connection, project),
                status=status,
                pattern_type=pattern_type,
                limit=limit,
            )

    rows = run(read())
    if json:
        print_json(rows)
        return
    if not rows:
        narrowed = status or pattern_type
        out.print(
            "No pattern fits --status and --type."
            if narrowed
            else "No patterns yet. Next: `motif mine PATH` on a git repository."
        )
        return
    table = Table("id", "pattern", "type", "confidence", "quotes", "status", "project", box=None)
    for row in rows:
        table.add_row(
            str(row["pattern_id"])[:8],
            escape(row["name"]),
            row["pattern_type"],
            f"{row['confidence']:.2f}",
            str(row["evidence_count"]),
            row["status"],
            escape(row["project"]),
        )
    out.print(table)


@app.command()
def show(
    pattern: Annotated[str, typer.Argument(help="Name, id, or the beginning of an id.")],
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Show one pattern: what it says and the quotes it rests on."""

    async def read() -> dict[str, Any]:
        async with session() as opened, opened.database.transaction(Role.TEAM_CLIENT, opened.caller) as connection:
            row = await patterns.find(connection, pattern, project_id=await _project_id(connection, project))
            return await patterns.with_parts(connection, row)

    row = run(read())
    if json:
        print_json(row)
    else:
        show_pattern(row)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="JSON lines or a JSON array; - for standard input.", allow_dash=True)],
    project: Annotated[str | None, typer.Option(help="Project to import into; the file's name by default.")] = None,
    json: JsonOption = False,
) -> None:
    """Import patterns: one JSON object each, at least a name. Importing the same file again changes nothing."""
    label = "standard input" if str(file) == "-" else file.name
    records = read_patterns(_read(file), label)
    results = run(_import(records, project, file.stem if str(file) != "-" else "imported", label, quiet=json))
    if json:
        print_json(results)
        return
    created = sum(r.result == "created" for r in results)
    out.print(f"{created} patterns imported, {len(results) - created} were there already.")


async def _import(
    records: list[tuple[str, ImportedPattern]], project: str | None, otherwise: str, source: str, *, quiet: bool
) -> list[ImportedResult]:
    async with session(embeds=True) as opened:
        with Progress(console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
            row = bar.add_task("embedding", total=len(records))
            return await import_patterns(
                opened.database,
                opened.embedder,
                opened.caller,
                records,
                project_name=project or otherwise,
                chosen=project is not None,
                source_name=source,
                progress=lambda done, total: bar.update(row, completed=done, total=total),
            )


@app.command()
def export(
    project: ProjectOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; stdout by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON array instead of JSON lines.")] = False,
) -> None:
    """Export patterns with all their evidence, one JSON object a line; `motif patterns import` reads them."""

    async def read() -> list[dict[str, Any]]:
        async with session() as opened, opened.database.transaction(Role.TEAM_CLIENT, opened.caller) as connection:
            rows = await patterns.export(connection, project_id=await _project_id(connection, project))
            quotes = await patterns.evidence(connection, [row["pattern_id"] for row in rows])
            return [{**row, "evidence": quotes.get(row["pattern_id"], [])} for row in rows]

    rows = run(read())
    encoder = msgspec.json.Encoder(enc_hook=str)
    data = encoder.encode(rows) + b"\n" if json else b"".join(encoder.encode(row) + b"\n" for row in rows)
    if output is None:
        sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise InputInvalid(f"{output} cannot be written: {error.strerror}.", fix="Give another file.") from None
    err.print(f"{len(rows)} patterns written to {output}.")


async def _project_id(connection: Connection, name: str | None) -> UUID | None:
    return (await project_named(connection, name)).id if name else None


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InputInvalid(f"{file} cannot be read: {error.strerror}.", fix="Give a readable file, or -.") from None


def show_pattern(row: dict[str, Any]) -> None:
    """Print a pattern with its parts for people to read."""
    out.print(f"[bold]{escape(row['name'])}[/bold]  [dim]{row['pattern_id']}[/dim]")
    scope = f", in {', '.join(row['scope'])}" if row["scope"] else ""
    out.print(
        f"{row['pattern_type']}, {row['status']}, confidence {row['confidence']:.2f}, version {row['version']}, "
        f"project {escape(row['project'])}{escape(scope)}"
    )
    if row["description"]:
        out.print(f"\n{escape(row['description'])}")
    content = row["content"]
    for key in ("problem", "solution", "context"):
        if content.get(key):
            out.print(f"\n[bold]{key.capitalize()}[/bold]\n{escape(content[key])}")
    for key in ("steps", "recommendations"):
        if content.get(key):
            out.print(f"\n[bold]{key.capitalize()}[/bold]")
            for line in content[key]:
                out.print(f"- {escape(line)}")
    out.print(f"\n[bold]Evidence[/bold] ({len(row['evidence'])} quotes)")
    for quote in row["evidence"][:10]:
        when = quote["occurred_at"].date().isoformat()
        out.print(f"- [dim]{when} {escape(quote['source'][:12])}[/dim] {escape(' '.join(quote['quote'].split()))}")
    if len(row["evidence"]) > 10:
        out.print(f"[dim]… {len(row['evidence']) - 10} more: --json shows all.[/dim]")
    for relation in row["relationships"][:5]:
        out.print(f"[dim]{relation['relationship_type']} {escape(relation['name'])} ({relation['strength']:.2f})[/dim]")
