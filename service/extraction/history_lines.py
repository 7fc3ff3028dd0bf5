"""A history as JSON lines, one commit a line; the whole file is checked before the first commit is given."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Annotated

import msgspec

from service.errors import InputInvalid
from service.extraction.commit_text import commit_interaction
from service.extraction.cut import cut
from service.extraction.interaction import FileChange, Interaction

_LONGEST_LINE = 64 * 1024 * 1024

_Sha = Annotated[str, msgspec.Meta(pattern="^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
_Lines = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class _File(msgspec.Struct, frozen=True):
    path: Annotated[str, msgspec.Meta(min_length=1)]
    added: _Lines | None = None
    deleted: _Lines | None = None


class _Line(msgspec.Struct, frozen=True):
    sha: _Sha
    date: Annotated[datetime, msgspec.Meta(tz=True)]
    subject: str
    parents: tuple[_Sha, ...] = ()
    body: str = ""
    files: tuple[_File, ...] = ()
    author: str | None = None
    diff: str = ""


class _Place(msgspec.Struct, frozen=True, order=True):
    """Where a commit's line begins; ordered oldest first, then by sha, whatever the order of the file."""

    seconds: float
    sha: str
    offset: int
    digest: bytes


class HistoryLines(msgspec.Struct, frozen=True):
    """A checked file: how many commits it gives, and where they stand in it; `shas` of all, asked for or not."""

    path: Path
    places: tuple[_Place, ...]
    shas: frozenset[str]

    def __len__(self) -> int:
        return len(self.places)


_decoder = msgspec.json.Decoder(_Line)


def open_history_lines(
    path: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    limit: int | None = None,
    paths: Sequence[str] = (),
) -> HistoryLines:
    """Check every line of `path` and find the commits asked for, as `list_commits` does for a repository.

    `paths`: files or folders from the repository's root. A commit that stands there twice counts once. Raises
    InputInvalid naming the line and what is wrong with it, also for a sha that stands for two different commits.
    """
    places: list[_Place] = []
    seen: dict[str, tuple[bytes, int]] = {}
    with _opened(path) as file:
        for number, offset, raw in _lines(file, path):
            line = _parsed(raw, path, number)
            digest = _digest(line)
            before = seen.setdefault(line.sha, (digest, number))
            if before != (digest, number):
                if before[0] != digest:
                    raise _invalid(
                        path, number, f"duplicate key: {line.sha} stands in line {before[1]} with other content"
                    )
                continue
            day = line.date.astimezone(UTC).date()
            if (since is None or day >= since) and (until is None or day <= until) and _touches(line, paths):
                places.append(_Place(line.date.timestamp(), line.sha, offset, digest))
    if not seen:
        raise InputInvalid(f"{path} holds no commits.", fix="Give one JSON object a line, one line a commit.")
    places.sort()
    kept = places if limit is None else places[max(0, len(places) - limit) :]
    return HistoryLines(path, tuple(kept), frozenset(seen))


def read_history_lines(
    source: Path | HistoryLines,
    *,
    known: Collection[str] = (),
    max_text_chars: int = 200_000,
    max_diff_chars: int = 4_000,
) -> Iterator[Interaction]:
    """The commits of a file as redacted interactions, oldest first, without those whose sha is `known`.

    A file not opened before is checked whole when this is called; so nothing is stored of a file with a bad line.
    """
    lines = source if isinstance(source, HistoryLines) else open_history_lines(source)
    return _read(lines, known, max_text_chars, max_diff_chars)


def _read(
    lines: HistoryLines, known: Collection[str], max_text_chars: int, max_diff_chars: int
) -> Iterator[Interaction]:
    with _opened(lines.path) as file:
        for place in lines.places:
            if place.sha in known:
                continue
            file.seek(place.offset)
            line = _parsed(file.readline(_LONGEST_LINE), lines.path, None)
            if _digest(line) != place.digest:
                raise InputInvalid(f"{lines.path} changed while it was read.", fix="Run this again.")
            yield _interaction(line, max_text_chars, max_diff_chars)


def _digest(line: _Line) -> bytes:
    return hashlib.sha256(msgspec.json.encode(line)).digest()


def _opened(path: Path) -> IO[bytes]:
    try:
        if not path.is_file():
            raise InputInvalid(f"{path} is not a file.", fix="Give a file of JSON lines.")
        return path.open("rb")
    except OSError as error:
        raise InputInvalid(
            f"{path} cannot be read: {error.strerror}.", fix="Check the path and its permissions."
        ) from None


def _lines(file: IO[bytes], path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number from 1, offset and bytes of each line that is not blank."""
    number, offset = 0, 0
    while raw := file.readline(_LONGEST_LINE):
        number += 1
        if len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
            raise _invalid(path, number, f"longer than {_LONGEST_LINE >> 20} MB")
        if raw.strip():
            yield number, offset, raw
        offset += len(raw)


def _parsed(raw: bytes, path: Path, number: int | None) -> _Line:
    raw = raw.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        line = _decoder.decode(raw)
        line.date.astimezone(UTC)
    except UnicodeDecodeError:
        raise _invalid(path, number, "not UTF-8") from None
    except OverflowError:
        raise _invalid(path, number, "its date is out of range") from None
    except msgspec.MsgspecError as error:
        raise _invalid(path, number, _wrong(raw, str(error))) from None
    return line


def _wrong(raw: bytes, error: str) -> str:
    """What is wrong with a line, in words for whoever wrote the file."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    if raw.startswith(b"["):
        return "begins a JSON array; one object a line is wanted"
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return "not JSON"
    return error[:1].lower() + error[1:]


def _invalid(path: Path, number: int | None, wrong: str) -> InputInvalid:
    where = f"Line {number} of {path}" if number else f"{path}"
    return InputInvalid(f"{where}: {wrong}.", fix="Mend the line and run this again; nothing of the file was stored.")


def _touches(line: _Line, paths: Sequence[str]) -> bool:
    wanted = [path.strip("/").removeprefix("./") for path in paths]
    return not paths or any(
        want in ("", ".", file.path) or file.path.startswith(f"{want}/") for want in wanted for file in line.files
    )


def _interaction(line: _Line, max_text_chars: int, max_diff_chars: int) -> Interaction:
    message = f"{line.subject.strip()}\n\n{line.body.strip()}".strip()
    return commit_interaction(
        line.sha,
        parents=line.parents,
        author=line.author or "",
        occurred_at=line.date.astimezone(UTC),
        message=message,
        message_chars=len(message),
        files=[FileChange(file.path, file.added, file.deleted) for file in line.files],
        files_total=len(line.files),
        diff=cut(line.diff.replace("\0", "\ufffd").strip("\n"), max_diff_chars),
        max_text_chars=max_text_chars,
    )
