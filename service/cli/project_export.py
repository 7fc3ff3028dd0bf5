"""`motif projects export` and `import`: a project as a file, and back into a new one."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.markup import escape
from rich.progress import Progress

from service.cli.run import err, out, print_json, run, session
from service.errors import InputInvalid
from service.extraction.project_export import export_project
from service.extraction.project_import import ImportedProject, import_project
from service.storage.projects import project_named


def export(
    project: Annotated[str, typer.Argument(help="Name or id.")],
    file: Annotated[Path, typer.Argument(help="File to write; - for standard output.", allow_dash=True)],
) -> None:
    """Write a project to a file: everything in it but its members and keys; for its admins."""
    lines = run(_export(project, file))
    err.print(f"{lines} lines written. `motif projects import {escape(str(file))} --name NAME` brings them back.")


def import_(
    file: Annotated[Path, typer.Argument(help="A file of `motif projects export`; - for stdin.", allow_dash=True)],
    name: Annotated[str | None, typer.Option(help="The new project's name; the exported one's by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Bring an exported project back as a new one, all of it or nothing."""
    imported = run(_import(file, name, quiet=json))
    if json:
        print_json(imported)
        return
    counts = ", ".join(f"{count} of {kind}" for kind, count in imported.lines.items())
    out.print(f"{escape(imported.project.name)} has the id {imported.project.id}. Lines: {counts or 'none'}.")


async def _export(project: str, file: Path) -> int:
    written = 0
    async with session() as opened:
        async with opened.database.writing(opened.caller) as connection:
            project_id = (await project_named(connection, project)).id
        with _to_write(file) as target:
            async for line in export_project(opened.database, opened.caller, project_id):
                target.write(line)
                written += 1
    return written


async def _import(file: Path, name: str | None, *, quiet: bool) -> ImportedProject:
    async with session(embeds=True) as opened:
        with (
            _to_read(file) as data,
            Progress(console=err, transient=True, disable=quiet or not err.is_terminal) as bar,
        ):
            row = bar.add_task("reading", total=None)
            return await import_project(
                opened.database,
                opened.embedder,
                opened.caller,
                data,
                file="standard input" if str(file) == "-" else file.name,
                name=name,
                progress=lambda lines: bar.update(row, completed=lines),
            )


@contextmanager
def _to_write(file: Path) -> Generator[IO[bytes]]:
    """Standard output, or a file that takes the place of one that is there only when it is whole."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    aside = file.with_name(f".{file.name}.part")
    try:
        with aside.open("wb") as target:
            yield target
        aside.replace(file)
    except OSError as error:
        raise InputInvalid(f"{file} cannot be written: {error.strerror}.", fix="Give another file.") from None
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def _to_read(file: Path) -> Generator[IO[bytes]]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        with file.open("rb") as data:
            yield data
    except OSError as error:
        raise InputInvalid(f"{file} cannot be read: {error.strerror}.", fix="Give a readable file, or -.") from None
