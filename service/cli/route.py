"""`motif route explain`: where a task goes and why, for a text that might come or an interaction that did."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from routing.task import Importance, TaskType
from service.cli.route_shown import show_decided, show_foreseen
from service.cli.run import Session, models, print_json, run, session
from service.errors import RequestInvalid
from service.extraction.document import read_document_file
from service.extraction.explaining import Decided, decided
from service.extraction.foreseeing import Foreseen, foresee_text
from service.extraction.plan import About
from service.models.scoring import weights_of
from service.storage.database import Role
from service.storage.permission import of_sources
from service.storage.projects import as_id
from service.storage.route import Left, source_given

app = typer.Typer(help="Which model a task goes to, and why.", no_args_is_help=True)


@app.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]
    """Which model a task goes to, and why."""


@app.command()
def explain(
    interaction: Annotated[str | None, typer.Argument(help="Id of an interaction: what was decided about it.")] = None,
    text: Annotated[Path | None, typer.Option(help="A file instead: what would be decided about it now.")] = None,
    task_type: Annotated[TaskType, typer.Option("--type", help="Type of task.")] = TaskType.PATTERN_EXTRACTION,
    importance: Annotated[Importance, typer.Option(help="How sure the answer has to be.")] = Importance.NORMAL,
    source: Annotated[
        str | None, typer.Option(help="Name or id of the source it would come from, which says who may see it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Tell why a task goes where it goes. Asks no model anything, and costs nothing."""
    if interaction is not None and text is None:
        found = run(_decided(interaction))
        if json:
            print_json(found)
        else:
            show_decided(found)
    elif text is not None and interaction is None:
        foreseen, left, allowed = run(_foreseen(text, task_type, importance, source))
        if json:
            print_json({"decision": foreseen, "left": left})
        else:
            show_foreseen(text.name, foreseen, left, allowed, of_source=source is not None)
    else:
        raise RequestInvalid("Say what to explain.", fix="Give the id of an interaction, or --text FILE.")


async def _decided(given: str) -> Decided:
    wanted = as_id(given)
    if wanted is None:
        raise RequestInvalid("That is no id of an interaction.", fix="For a file: `motif route explain --text FILE`.")
    async with session() as opened:
        return await decided(opened.database, opened.caller, wanted)


async def _foreseen(
    file: Path, task_type: TaskType, importance: Importance, source: str | None
) -> tuple[Foreseen, tuple[Left, ...], frozenset[str] | None]:
    async with session() as opened:
        document = read_document_file(file, max_text_chars=opened.settings.max_text_chars)
        about = About(importance=importance, vendors=None)
        if source is not None:
            about = msgspec.structs.replace(about, **await _of_source(opened, source))
        weights = weights_of(opened.settings)
        async with models(opened.settings, opened.database) as router:
            foreseen, left = await foresee_text(opened.database, router, task_type, document.text, about, weights)
        return foreseen, left, about.vendors


async def _of_source(opened: Session, given: str) -> dict[str, object]:
    """The project of a source that the caller sees, and who may see what comes from it."""
    async with opened.database.reading(opened.caller) as connection:
        project_id, source_id = await source_given(connection, given)
    async with opened.database.transaction(Role.SERVICE) as connection:
        origin = await of_sources(connection, project_id, [source_id])
    return {"project_id": project_id, "source_id": source_id, "vendors": origin.vendors}
