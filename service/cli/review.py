"""`motif review`: proposed patterns one by one, for a person to accept or reject."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.markup import escape

from service.cli.patterns import show_pattern
from service.cli.run import (
    Session,
    correlated,
    embedder_at_vendor,
    embedder_or_words,
    err,
    out,
    print_json,
    run,
    session,
)
from service.errors import MotifError, PreconditionFailed, RequestInvalid
from service.extraction.handwritten import change_pattern
from service.extraction.reviewing import judge
from service.extraction.written_pattern import PatternChange
from service.models.embedding import vendor_model
from service.storage import patterns
from service.storage.patterns import Row
from service.storage.projects import project_named

_MOST = 1_000
_KEYS = {"a": "ccept", "e": "dit the name", "r": "eject", "s": "kip", "q": "uit"}
_QUESTION = ", ".join(f"({key}){rest}" for key, rest in _KEYS.items()) + ": "


def review(
    pattern: Annotated[str | None, typer.Argument(help="Name or id of one pattern; without it, all that wait.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Make it active, without asking.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Archive it, without asking.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the verdict.")] = "",
    project: Annotated[str | None, typer.Option("--project", help="Only this project.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what waits as JSON.")] = False,
) -> None:
    """Accept or reject proposed patterns, one by one, or one that is named."""
    if accept and reject:
        raise RequestInvalid("--accept and --reject are opposites.", fix="Give one of them.")
    if accept or reject:
        if pattern is None:
            raise RequestInvalid("Which pattern?", fix="`motif review ID --accept`; `motif review` lists what waits.")
        row = run(_judge_one(pattern, project, accepted=accept, reason=reason))
        out.print(f"{escape(row['name'])} is {row['status']} now.")
        return
    if json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _list(run(_waiting(project, pattern)), json=json)
        return
    try:
        _ask(project, pattern)
    except KeyboardInterrupt:
        err.print("\nStopped; what you decided is kept. `motif review` goes on with the rest.")
        sys.exit(130)


async def _judge_one(name: str, project: str | None, *, accepted: bool, reason: str) -> Row:
    async with session() as opened:
        row = (await _read(opened, project, name))[0]
        return await judge(opened.database, opened.caller, row["pattern_id"], accepted=accepted, reason=reason)


async def _waiting(project: str | None, name: str | None) -> list[Row]:
    async with session() as opened:
        return await _read(opened, project, name)


async def _read(opened: Session, project: str | None, name: str | None) -> list[Row]:
    """The pattern of that name or id, or all that are proposed, the most certain first."""
    async with opened.database.reading(opened.caller) as connection:
        project_id = (await project_named(connection, project)).id if project else None
        if name is not None:
            return [await patterns.find(connection, name, project_id=project_id)]
        return await patterns.page(connection, project_id=project_id, status="proposed", pattern_type=None, limit=_MOST)


def _list(rows: list[Row], *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("Nothing waits for a verdict.")
        return
    for row in rows:
        out.print(f"{str(row['pattern_id'])[:8]}  {escape(row['name'])}  [dim]{escape(row['project'])}[/dim]")
    out.print(
        f"{_counted(len(rows))}. `motif review ID --accept` or `--reject` decides one; on a terminal, `motif review` "
        "asks."
    )


def _ask(project: str | None, name: str | None) -> None:
    """Ask for each pattern; one session for all of them. Outside of the event loop, so that Ctrl-C ends a question."""
    with correlated(), asyncio.Runner() as runner:
        stack = AsyncExitStack()
        opened = runner.run(stack.enter_async_context(session()))
        try:
            rows = runner.run(_read(opened, project, name))
            if not rows:
                out.print("Nothing waits for a verdict.")
                return
            decided = 0
            for number, row in enumerate(rows, start=1):
                verdict = _ask_one(runner, opened, row["pattern_id"], f"{number} of {len(rows)}")
                if verdict is None:
                    break
                decided += verdict
            out.print(f"\n{_counted(decided, 'decided')}. `motif patterns list` shows what is active.")
        finally:
            runner.run(stack.aclose())


def _ask_one(runner: asyncio.Runner, opened: Session, pattern_id: UUID, place: str) -> bool | None:
    """Whether it was decided; None to quit. Shown again after each change, whoever made it."""
    while True:
        row = runner.run(_whole(opened, pattern_id))
        out.rule(place)
        show_pattern(row)
        try:
            match _key():
                case "a":
                    return runner.run(_verdict(opened, row, accepted=True, reason=""))
                case "r":
                    return runner.run(_verdict(opened, row, accepted=False, reason=out.input("Why (may be empty): ")))
                case "e":
                    runner.run(_rename(opened, row, out.input("New name: ")))
                case "s":
                    return False
                case _:
                    return None
        except PreconditionFailed:
            err.print("[yellow]It was changed just now; here it is again.[/yellow]")
        except MotifError as error:
            err.print(f"[yellow]{escape(str(error))}[/yellow]")


def _key() -> str:
    """One of the keys; the end of the input quits."""
    while True:
        try:
            given = out.input(f"\n{_QUESTION}").strip().lower()[:1]
        except EOFError:
            return "q"
        if given in _KEYS:
            return given


async def _whole(opened: Session, pattern_id: UUID) -> dict[str, Any]:
    async with opened.database.reading(opened.caller) as connection:
        row = await patterns.find(connection, str(pattern_id), project_id=None)
        return await patterns.with_parts(connection, row)


async def _verdict(opened: Session, row: Row, *, accepted: bool, reason: str) -> bool:
    await judge(
        opened.database, opened.caller, row["pattern_id"], accepted=accepted, reason=reason, version=row["version"]
    )
    return True


async def _rename(opened: Session, row: Row, name: str) -> None:
    try:
        change = msgspec.convert({"name": name}, PatternChange)
    except msgspec.ValidationError:
        raise RequestInvalid("A name has 1 to 300 characters, on one line.") from None
    if vendor_model(opened.settings) is None:
        here = await asyncio.to_thread(embedder_or_words, opened.settings)
        await change_pattern(opened.database, here, opened.caller, row["pattern_id"], change, _still(row["version"]))
        return
    async with embedder_at_vendor(opened.settings, opened.database) as there:
        await change_pattern(opened.database, there, opened.caller, row["pattern_id"], change, _still(row["version"]))


def _still(version: int) -> Callable[[Row], None]:
    def check(row: Row) -> None:
        if row["version"] != version:
            raise PreconditionFailed("It was changed since it was shown.")

    return check


def _counted(count: int, what: str = "waiting") -> str:
    return f"{count} pattern{'' if count == 1 else 's'} {what}"
