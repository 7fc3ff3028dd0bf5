"""A repository's commits as interactions, oldest first: streamed, resumable, in bounded memory."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import IO

from service.errors import RepositoryIncomplete
from service.extraction.bounded_read import read_beginning
from service.extraction.commit_text import MOST_FILES, commit_interaction
from service.extraction.git.change_stream import (
    ChangeLimits,
    CommitChanges,
    log_arguments,
    new_marker,
    read_changes,
)
from service.extraction.git.command import GitStream, git_stream
from service.extraction.git.commit_object import CommitObject, parse_commit
from service.extraction.git.diff_excerpt import MOST_PATCHES, excerpt, is_written
from service.extraction.git.repository import Repository, open_repository
from service.extraction.interaction import FileChange, Interaction

__all__ = ["Repository", "count_commits", "list_commits", "open_repository", "read_commits"]

_HEADERS_BYTES = 200_000
"""Room for a commit's headers (parents, signatures, merged tags) before its message."""


def list_commits(
    repository: Repository,
    *,
    since: date | None = None,
    until: date | None = None,
    paths: Sequence[str] = (),
    limit: int | None = None,
) -> list[str]:
    """Shas of the commits that HEAD descends from, parents before children, else by commit date.

    `since`, `until`: days in UTC, both included, of the commit date. `limit`: the newest so many. `paths`: only commits
    that touch one of them (git's pathspecs, from the repository's root).
    """
    first = datetime.combine(since, time.min, UTC).timestamp() if since else float("-inf")
    last = datetime.combine(until, time.max, UTC).timestamp() if until else float("inf")
    shas: list[str] = []
    limited = ("--full-history", "--", *paths) if paths else ("--",)
    with git_stream(repository.root, "rev-list", "--timestamp", "--date-order", repository.head, *limited) as stream:
        for line in stream.output:
            seconds, _, sha = line.decode("ascii").strip().partition(" ")
            if limit is not None and len(shas) >= limit:
                break
            if first <= int(seconds) <= last:
                shas.append(sha)
        else:
            stream.finish()
    shas.reverse()
    return shas


def count_commits(
    repository: Repository,
    *,
    since: date | None = None,
    until: date | None = None,
    paths: Sequence[str] = (),
    limit: int | None = None,
) -> int:
    """How many commits `read_commits` gives with the same arguments and nothing known."""
    return len(list_commits(repository, since=since, until=until, paths=paths, limit=limit))


def read_commits(
    repository: Repository,
    *,
    since: date | None = None,
    until: date | None = None,
    limit: int | None = None,
    paths: Sequence[str] = (),
    known: Collection[str] = (),
    max_text_chars: int,
    max_diff_chars: int,
) -> Iterator[Interaction]:
    """The commits of `list_commits` as redacted interactions, in its order, without those whose sha is `known`.

    What is known costs no diff, so a stopped run goes on where it was. `paths` limits the files of a commit too.
    `occurred_at` is the commit date: it is when the change joined the history as it stands, and unlike the author date
    does not run backwards along it. Merges have no files: the commits they bring have them.
    Raises RepositoryIncomplete when objects are missing; what was given before stays right.
    """
    listed = list_commits(repository, since=since, until=until, paths=paths, limit=limit)
    shas = [sha for sha in listed if sha not in known]
    if not shas:
        return
    marker = new_marker()
    limits = ChangeLimits(paths=MOST_FILES, patches=MOST_PATCHES, patch_bytes=4 * max_diff_chars, wants=is_written)
    log = log_arguments(marker, patches=max_diff_chars > 0)
    with (
        git_stream(repository.root, "cat-file", "--batch", lines=shas) as objects,
        git_stream(repository.root, *log, *(("--", *paths) if paths else ()), lines=shas) as diffs,
    ):
        changes = _settled(read_changes(diffs.output, marker, limits), diffs)
        for sha in shas:
            commit = _read_object(objects.output, sha, repository, max_message_bytes=4 * max_text_chars)
            changed = next(changes, None)
            if changed is None or changed.sha != sha:
                raise _missing(repository, sha)
            yield _interaction(sha, commit, changed, max_text_chars, max_diff_chars)


def _settled(changes: Iterator[CommitChanges], stream: GitStream) -> Iterator[CommitChanges]:
    """Each commit once the next one, or git's good end, shows that it was printed whole."""
    held: CommitChanges | None = None
    for changed in changes:
        if held is not None:
            yield held
        held = changed
    stream.finish()
    if held is not None:
        yield held


def _read_object(stream: IO[bytes], sha: str, repository: Repository, *, max_message_bytes: int) -> CommitObject:
    """The next object that `git cat-file --batch` prints: "sha type size", the bytes, a line end."""
    fields = stream.readline().split()
    if len(fields) != 3 or fields[1] != b"commit":
        raise _missing(repository, sha)
    try:
        data, beyond = read_beginning(stream, _HEADERS_BYTES + max_message_bytes, int(fields[2]))
    except EOFError:
        raise _missing(repository, sha) from None
    stream.read(1)
    return parse_commit(data, beyond)


def _missing(repository: Repository, sha: str) -> RepositoryIncomplete:
    return RepositoryIncomplete(
        f"Commit {sha[:12]} of {repository.root} cannot be read whole.",
        fix=f"git -C {repository.root} fsck, or clone it anew; what was read before is kept.",
    )


def _interaction(
    sha: str, commit: CommitObject, changed: CommitChanges, max_text_chars: int, max_diff_chars: int
) -> Interaction:
    return commit_interaction(
        sha,
        parents=commit.parents,
        author=commit.author,
        occurred_at=commit.committed_at,
        message=commit.message,
        message_chars=commit.message_chars,
        files=[FileChange(change.path, change.added, change.deleted) for change in changed.paths],
        files_total=changed.total,
        diff=excerpt(changed.patches, max_diff_chars),
        max_text_chars=max_text_chars,
    )
