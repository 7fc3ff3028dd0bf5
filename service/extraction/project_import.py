"""Bringing an exported project back, into a new one with new ids: all of it, or nothing."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

import msgspec

from service.errors import InputInvalid
from service.extraction.project_lines import (
    KINDS,
    EndLine,
    EvidenceLine,
    InteractionLine,
    Line,
    PatternLine,
    ProjectLine,
)
from service.extraction.redact import redact, redact_values
from service.matching.embedder import Embedder
from service.matching.filling import fill
from service.matching.model import active_model
from service.matching.reindex import reindex
from service.storage import erasure, patterns, project_import, search
from service.storage.database import Caller, Connection, Database, Role
from service.storage.project_import import RowRefused
from service.storage.projects import ProjectDetails, check_name, open_project

_ROWS, _BYTES = 200, 8_000_000
_INDEXED_AT_ONCE = 200

Numbered = tuple[int, str, Line, int]
"""A line's number, its kind, what it says, its bytes."""


class ImportedProject(msgspec.Struct, frozen=True):
    """The project that was made, and how many lines of each kind it came from."""

    project: ProjectDetails
    lines: dict[str, int]


async def import_project(
    database: Database,
    embedder: Embedder | None,
    caller: Caller,
    data: Iterable[bytes],
    *,
    file: str,
    name: str | None,
    progress: Callable[[int], None] = lambda _lines: None,
) -> ImportedProject:
    """Make a project named `name`, or as it was, of the lines of an export; the caller becomes its admin.

    Secrets are hidden again, quotes must stand in their texts, patterns are found at once. Raises InputInvalid naming
    the line, Forbidden without the permission to make projects, Conflict for a name that the caller gave before.
    """
    lines = read_lines(data, file)
    first = await asyncio.to_thread(lambda: next(lines, None))
    if first is None or not isinstance(first[2], ProjectLine):
        raise _wrong(file, 1, 'it does not begin with {"motif": …}', "Give a file of `motif projects export`.")
    project_line = first[2]
    name = name or project_line.project
    check_name(name)
    async with database.transaction(Role.SERVICE) as connection:
        await active_model(connection, embedder)  # a model that does not fit is to be told at once
    async with database.writing(caller) as connection:
        project = await open_project(connection, caller, name)
        await erasure.become_service(connection)
        await patterns.lock_project(connection, project.id)
        settings: dict[str, Any] = redact_values(project_line.settings)
        await project_import.keep_settings(connection, project.id, settings)
        writer = _Writer(connection, project.id, file)
        while (line := await asyncio.to_thread(lambda: next(lines, None))) is not None:
            await writer.take(*line)
            progress(line[0])
        counts = await writer.finish()
        for start in range(0, len(writer.patterns), _INDEXED_AT_ONCE):
            await reindex(connection, embedder, project.id, writer.patterns[start : start + _INDEXED_AT_ONCE])
    # What a vendor embeds is not sent from within the transaction.
    await fill(database, embedder, project.id)
    if len(writer.patterns) >= search.BULK:
        async with database.transaction(Role.SERVICE) as connection:
            await search.refresh_statistics(connection)
    return ImportedProject(msgspec.structs.replace(project, settings=settings), counts)


def read_lines(data: Iterable[bytes], file: str) -> Iterator[Numbered]:
    """Each line checked by itself: known, of its form, in its order, and none missing at the end."""
    order = list(KINDS)
    place = 0
    count = 0
    ended = False
    for number, raw in enumerate(data, start=1):
        if not raw.strip():
            continue
        if ended:
            raise _wrong(file, number, "it comes after the end", "Give each export by itself.")
        kind, line = _line(raw, file, number)
        if order.index(kind) < place or (count == 0) != (kind == "motif"):
            raise _wrong(file, number, f"a line {kind!r} has no place here", "Leave the lines in their order.")
        place = order.index(kind)
        if isinstance(line, EndLine):
            if line.lines != count:
                raise _wrong(file, number, f"{line.lines} lines were exported, {count} are here", "Export it again.")
            ended = True
        count += 1
        yield number, kind, line, len(raw)
    if not ended:
        raise _wrong(file, count + 1, "the file ends in the middle", "Export it again.")


def _line(raw: bytes, file: str, number: int) -> tuple[str, Line]:
    try:
        whole = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        (kind,) = whole
        return kind, msgspec.json.decode(whole[kind], type=KINDS[kind])
    except KeyError:
        raise _wrong(file, number, "it is of no kind that is known", "Update Motif, or leave the line out.") from None
    except msgspec.ValidationError as error:
        raise _wrong(file, number, str(error)) from None
    except (ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, msgspec.DecodeError) else "it is not one JSON object of one kind"
        raise _wrong(file, number, what) from None


class _Writer:
    """Writes lines in batches of a kind. Ids become others that follow from the old ones and the new project."""

    def __init__(self, connection: Connection, project_id: UUID, file: str) -> None:
        self._connection = connection
        self._project_id = project_id
        self._file = file
        self._kind = ""
        self._lines: list[tuple[int, Line]] = []
        self._bytes = 0
        self._redacted_again: set[str] = set()
        self._superseded: list[tuple[int, Mapping[str, Any]]] = []
        self.patterns: list[UUID] = []
        self._counts: dict[str, int] = {}

    async def take(self, number: int, kind: str, line: Line, size: int) -> None:
        """Keep a line until there are enough of its kind."""
        if kind != self._kind or len(self._lines) >= _ROWS or self._bytes + size > _BYTES:
            await self._flush()
        self._kind = kind
        self._lines.append((number, line))
        self._bytes += size

    async def finish(self) -> dict[str, int]:
        """Write what is left; how many lines there were of each kind."""
        await self._flush()
        await self._write("superseded", self._superseded)
        return self._counts

    async def _flush(self) -> None:
        lines, self._lines, self._bytes = self._lines, [], 0
        if not lines or self._kind == "end":
            return
        rows = await asyncio.to_thread(lambda: [(number, self._row(number, line)) for number, line in lines])
        await self._write(self._kind, rows)
        self._counts[self._kind] = self._counts.get(self._kind, 0) + len(rows)

    async def _write(self, kind: str, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        if not rows:
            return
        try:
            await project_import.insert_rows(self._connection, kind, self._project_id, [row for _, row in rows])
        except RowRefused as error:
            raise _wrong(self._file, rows[error.place][0], f"it breaks the rule {error.rule}") from None

    def _row(self, number: int, line: Line) -> dict[str, Any]:
        said: dict[str, Any] = msgspec.to_builtins(line)
        ids: dict[str, str] = {
            field: str(uuid5(self._project_id, said[field])) for field in getattr(line, "ids", ()) if said[field]
        }
        # Texts and quotes belong together, so they are looked at below.
        aside = {*ids, "text", "quote"}
        row: dict[str, Any] = {
            **said,
            **redact_values({name: value for name, value in said.items() if name not in aside}),
            **ids,
        }
        if isinstance(line, InteractionLine):
            row["text"] = redact(line.text).text
            if row["text"] != line.text:
                self._redacted_again.add(ids["id"])
        elif isinstance(line, PatternLine):
            self.patterns.append(UUID(ids["id"]))
            if line.superseded_by is not None:
                self._superseded.append((number, {"id": ids["id"], "superseded_by": ids["superseded_by"]}))
        elif isinstance(line, EvidenceLine) and ids["interaction_id"] in self._redacted_again:
            row["quote"] = None
        return row


def _wrong(file: str, number: int, what: str, fix: str = "Mend it.") -> InputInvalid:
    return InputInvalid(f"{file}, line {number}: {what.rstrip('.')}.", fix=f"{fix} Nothing was stored.")
