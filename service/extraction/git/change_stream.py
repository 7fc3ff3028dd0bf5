"""The changes of commits as one git command prints them: line counts for each path, and the beginning of each patch.

Works in bounded memory whatever the size of a diff; git's output is read once, what is not kept is dropped unread.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import IO

import msgspec

_CHUNK = 1 << 18
_SECTION = b"\ndiff --git "


class PathChange(msgspec.Struct, frozen=True):
    """One path of a commit: lines added and deleted, None for a binary file."""

    path: str
    added: int | None
    deleted: int | None


class PatchPart(msgspec.Struct, frozen=True):
    """The first bytes of one file's patch, from its `---` line; `whole` if nothing is missing."""

    path: str
    data: bytes
    whole: bool


class CommitChanges(msgspec.Struct, frozen=True):
    """What one commit changed; `total` counts the paths, of which `paths` may hold the first only."""

    sha: str
    paths: tuple[PathChange, ...]
    total: int
    patches: tuple[PatchPart, ...]


class ChangeLimits(msgspec.Struct, frozen=True):
    """How much of each commit is kept: paths, files with a patch, bytes of one file's patch, and which files."""

    paths: int
    patches: int
    patch_bytes: int
    wants: Callable[[str], bool]


def new_marker() -> str:
    """A line no diff can hold, to tell commits apart: random for each run."""
    return f"motif-{secrets.token_hex(16)}-"


def log_arguments(marker: str, *, patches: bool) -> tuple[str, ...]:
    """Arguments of `git log` for what `read_changes` reads: the commits on standard input, in their order.

    Merges show nothing: what they bring is shown by the commits they bring it from. Whatever the user's configuration
    says of diffs is said otherwise here.
    """
    return (
        "log", "--stdin", "--no-walk=unsorted", "-z", "--encoding=UTF-8", f"--format={marker}%H",
        "--diff-merges=off", "--root", "--no-ext-diff", "--no-textconv", "--no-color", "--no-color-moved",
        "--no-mailmap", "--no-notes", "--no-decorate", "--no-show-signature", "--submodule=short", "--no-relative",
        "-O/dev/null", "--diff-algorithm=myers", "--indent-heuristic", "-M50%", "-l400", "--numstat",
        *(("-p", "--unified=1", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/") if patches else ()),
    )  # fmt: skip


def read_changes(stream: IO[bytes], marker: str, limits: ChangeLimits) -> Iterator[CommitChanges]:
    """The commits of the stream in its order; the last one is given only when the stream has ended, by its end.

    The caller checks how git ended before it trusts the last one.
    """
    scan = _Scanner(stream, marker.encode())
    mark = marker.encode()
    token = scan.until(b"\0", keep=1 << 13)
    while token:
        sha = token.removeprefix(b"\n").removeprefix(mark).decode("ascii", "replace")
        paths: list[PathChange] = []
        total = 0
        patches: list[PatchPart] = []
        while token := scan.until(b"\0", keep=1 << 13):
            entry = token.removeprefix(b"\n")
            if entry.startswith(mark):
                break
            change = _path_change(entry, scan)
            total += 1
            if len(paths) < limits.paths:
                paths.append(change)
        else:
            # An empty entry: patches follow, up to the next commit.
            patches = list(scan.patches(limits))
            token = scan.until(b"\0", keep=1 << 13)
        yield CommitChanges(sha, tuple(paths), total, tuple(patches))


def _path_change(entry: bytes, scan: "_Scanner") -> PathChange:
    """ "added TAB deleted TAB path"; a renamed file has an empty path here, then its old and its new one."""
    added, _, rest = entry.partition(b"\t")
    deleted, _, path = rest.partition(b"\t")
    if not path:
        scan.until(b"\0", keep=0)
        path = scan.until(b"\0", keep=1 << 13)
    return PathChange(path.decode(errors="replace"), _count(added), _count(deleted))


def _count(number: bytes) -> int | None:
    return int(number) if number.isdigit() else None


class _Scanner:
    """A stream cut at delimiters, of which only as much is held as the caller wants kept."""

    def __init__(self, stream: IO[bytes], marker: bytes) -> None:
        self._stream = stream
        self._marker = marker
        self._buffer = b""
        self._at = 0
        self._ended = False

    def _fill(self) -> bool:
        """Read on; what was consumed is dropped. False at the end."""
        chunk = b"" if self._ended else self._stream.read(_CHUNK)
        self._ended = not chunk
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)

    def until(self, delimiter: bytes, keep: int) -> bytes:
        """Consume up to and with `delimiter` (or the end); the first `keep` bytes before it."""
        kept = bytearray()
        while True:
            end = self._buffer.find(delimiter, self._at)
            if end >= 0:
                kept += self._buffer[self._at : min(end, self._at + max(0, keep - len(kept)))]
                self._at = end + len(delimiter)
                return bytes(kept)
            # The delimiter may begin in what is held.
            safe = max(self._at, len(self._buffer) - len(delimiter) + 1)
            kept += self._buffer[self._at : min(safe, self._at + max(0, keep - len(kept)))]
            self._at = safe
            if not self._fill():
                kept += self._buffer[self._at : self._at + max(0, keep - len(kept))]
                self._at = len(self._buffer)
                return bytes(kept)

    def patches(self, limits: ChangeLimits) -> Iterator[PatchPart]:
        """The patches up to the next marker, which is left to be read."""
        taken = 0
        keep = limits.patch_bytes + (1 << 14)
        # The first section begins without the line end that the others have before them.
        more = True
        while more:
            section, whole, more = self._section(keep if taken < limits.patches else 0)
            part = _patch_part(section, limits, whole=whole)
            if part is not None and taken < limits.patches:
                taken += 1
                yield part

    def _section(self, keep: int) -> tuple[bytes, bool, bool]:
        """One file's patch: its first `keep` bytes, whether that is all of it, and whether another follows."""
        kept = bytearray()
        size = 0
        hold = max(len(self._marker), len(_SECTION)) - 1
        while True:
            mark = self._buffer.find(self._marker, self._at)
            end = self._buffer.find(_SECTION, self._at, mark if mark >= 0 else len(self._buffer))
            stop = end if end >= 0 else mark
            found = stop >= 0
            if not found:
                stop = max(self._at, len(self._buffer) - hold)
            size += stop - self._at
            kept += self._buffer[self._at : min(stop, self._at + max(0, keep - len(kept)))]
            self._at = stop
            if found:
                if end >= 0:
                    self._at += len(_SECTION)
                return bytes(kept), size <= keep, end >= 0
            if not self._fill():
                rest = self._buffer[self._at :]
                self._at = len(self._buffer)
                size += len(rest)
                kept += rest[: max(0, keep - len(kept))]
                return bytes(kept), size <= keep, False


def _patch_part(section: bytes, limits: ChangeLimits, *, whole: bool) -> PatchPart | None:
    """The part of one file's patch that is read by people, or None for a file without one or not wanted."""
    start = section.find(b"\n--- ")
    if start < 0 or (hunks := section.find(b"\n@@ ", start)) < 0:
        return None
    before, _, after = section[start + 1 : hunks].partition(b"\n")
    name = before if after.startswith(b"+++ /dev/null") else after
    # A name with control characters stands in quotes; one with spaces has a tab behind it.
    path = (name[7:-1] if name[4:5] == b'"' else name[6:].rstrip(b"\t")).decode(errors="replace")
    if not limits.wants(path):
        return None
    data = section[start + 1 :]
    return PatchPart(path, data[: limits.patch_bytes], whole and len(data) <= limits.patch_bytes)
