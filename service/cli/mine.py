"""`motif mine`: a repository's history, or a file of it, into patterns."""

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.cli.run import err, out, print_json, run, session
from service.extraction.history import open_repository, read_commits
from service.extraction.history_lines import open_history_lines, read_history_lines
from service.extraction.interaction import Interaction
from service.extraction.mining import History, Mined
from service.extraction.mining import mine as mine_history
from service.extraction.pipeline import LearnedPattern
from service.settings import Settings, load_settings

_STAGES = {"read": "reading commits", "embed": "embedding", "extract": "looking for what recurs"}
_DATES = ["%Y-%m-%d"]


def mine(
    path: Annotated[Path, typer.Argument(help="A git repository, or a .jsonl file with one commit a line.")] = Path(),
    since: Annotated[datetime | None, typer.Option(formats=_DATES, help="Only commits from this day (UTC) on.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DATES, help="Only commits up to this day (UTC).")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest N commits.")] = None,
    paths: Annotated[list[str] | None, typer.Option(help="Only changes under this path; may be repeated.")] = None,
    project: Annotated[
        str | None, typer.Option(help="Project to learn into; the repository's name by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Learn the patterns of a git repository's history. Run it again at any time: only what is new is read."""
    settings = load_settings()
    history = _history(path, settings, since=since, until=until, limit=limit, paths=paths or [])
    mined = run(_mine(history, project, quiet=json))
    if json:
        print_json(mined)
    else:
        _report(mined)


async def _mine(history: History, project: str | None, *, quiet: bool) -> Mined:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    async with session(embeds=True) as opened:
        with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as bar:
            rows = {stage: bar.add_task(text, total=None, visible=False) for stage, text in _STAGES.items()}

            def show(stage: str, done: int, total: int) -> None:
                bar.update(rows[stage], completed=done, total=total or None, visible=True)

            def found(pattern: LearnedPattern) -> None:
                if not quiet:
                    out.print(_line(pattern))

            return await mine_history(
                opened.database,
                opened.embedder,
                opened.caller,
                history,
                project_name=project,
                progress=show,
                found=found,
                waiting=lambda: err.print("Another process is learning this project; waiting for it."),
            )


def _history(
    path: Path,
    settings: Settings,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    paths: list[str],
) -> History:
    """The history at `path`: a repository's, or that of a file."""
    first, last = since.date() if since else None, until.date() if until else None
    if path.is_file():
        lines = open_history_lines(path, since=first, until=last, limit=limit, paths=paths)
        return History(
            _in_utf8(path.stem),
            f"file:{_in_utf8(path.stem)}",
            lambda known: read_history_lines(
                lines, known=known, max_text_chars=settings.max_text_chars, max_diff_chars=settings.max_diff_chars
            ),
            lines.shas,
        )
    repository = open_repository(path)

    def read_repository(known: Collection[str]) -> Iterator[Interaction]:
        return read_commits(
            repository,
            since=first,
            until=last,
            limit=limit,
            paths=paths,
            known=known,
            max_text_chars=settings.max_text_chars,
            max_diff_chars=settings.max_diff_chars,
        )

    return History(_in_utf8(repository.name), repository.root_sha, read_repository)


def _in_utf8(name: str) -> str:
    """A folder's name may be any bytes; what is no UTF-8 becomes a question mark."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _line(pattern: LearnedPattern) -> str:
    mark = {"new": "[green]+[/green]", "improved": "[cyan]~[/cyan]", "same": " "}[pattern.change]
    return (
        f"{mark} [bold]{escape(pattern.name)}[/bold]  "
        f"[dim]{pattern.pattern_type}, {pattern.evidence} quotes, {str(pattern.pattern_id)[:8]}[/dim]"
    )


def _report(mined: Mined) -> None:
    learned = mined.learned
    if not mined.known:
        out.print("No commit fits: look at --since, --until and --paths.")
        return
    if not learned.commits:
        out.print(f"Nothing new in {escape(mined.project.name)}. `motif patterns list` shows what was learned.")
        return
    counts = {change: sum(p.change == change for p in learned.patterns) for change in ("new", "improved", "same")}
    out.print(
        f"\n{learned.commits} new commits in project [bold]{escape(mined.project.name)}[/bold]: "
        f"{counts['new']} new patterns, {counts['improved']} improved, {counts['same']} as before."
    )
    if learned.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in learned.left_out.items())
        out.print(f"[dim]Left out: {escape(reasons)}.[/dim]")
    if learned.reason:
        out.print(f"{escape(learned.reason)} Next: more history, or `motif extract FILE` for a document.")
    elif learned.patterns:
        first = min(learned.patterns, key=lambda p: -p.evidence)
        out.print(
            f'Next: motif match "what you are about to do"   or   motif patterns show {str(first.pattern_id)[:8]}'
        )
