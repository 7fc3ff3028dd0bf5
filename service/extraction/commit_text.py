"""A commit as an interaction: its message, its paths, its diff, redacted and within their bounds. Pure."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from service.extraction.cut import cut
from service.extraction.interaction import Details, FileChange, Interaction, Kind
from service.extraction.redact import redact

MOST_FILES = 200
"""Paths of one commit that are kept and listed; `files_total` counts them all."""

# Lines that say who had a hand in it, or number it for another tool: names and addresses, and nothing to learn.
# Fixes, Closes, Refs and the like stay: they say what the commit belongs to.
_ROLES = (
    "signed-off|co-authored|co-developed|reviewed|acked|tested|reported|suggested|helped|requested|approved|authored|"
    "committed|submitted|noticed|generated|reported-and-tested|pair-programmed"
)
_NUMBERS = (
    "change-id|git-svn-id|commit-queue|auto-submit|piperorigin-revid|differential revision|reviewed-on|message-id|"
    "original-change-id|cr-commit-position|cr-original-commit-position"
)
_TRAILER = re.compile(
    rf"^(?:(?:{_ROLES})-(?:by|with)|cc|{_NUMBERS}):[^\n]*(?:\n|\Z)"
    r"|^[a-z][a-z-]{1,40}: [^\n<>]{0,200}<[^<>\s@]{1,64}@[^<>\s@]{1,255}>[^\n]*(?:\n|\Z)",
    re.MULTILINE | re.IGNORECASE,
)
_RULE_AT_END = re.compile(r"\n-{3,}\Z")  # separates a squash merge's co-authors from its message


def author_key(address: str) -> str | None:
    """A pseudonym for whoever has this address, the same wherever they commit; None for nobody.

    `address`: "Name <mail>", a mail address or any name.
    """
    inner = re.search(r"<([^<>]*)>", address)
    person = (inner[1] if inner and inner[1].strip() else address.replace("<>", "")).strip().lower()
    return f"git:{hashlib.sha256(person.encode(errors='replace')).hexdigest()[:16]}" if person else None


def clean_message(message: str) -> str:
    """A message without trailers that name people or tools, without space at its lines' ends and around it."""
    message = message.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    message = "\n".join(line.rstrip() for line in _TRAILER.sub("", message).split("\n"))
    message = re.sub(r"\n{3,}", "\n\n", message).strip()
    return _RULE_AT_END.sub("", message).rstrip()


def commit_interaction(
    sha: str,
    *,
    parents: Sequence[str],
    author: str,
    occurred_at: datetime,
    message: str,
    message_chars: int,
    files: Sequence[FileChange],
    files_total: int,
    diff: str,
    max_text_chars: int,
) -> Interaction:
    """One commit, redacted. Text: the message; then "Files:", one "path | +added -deleted" a line; then "Diff:".

    `message_chars`: the message's original length, noted if it was cut. Paths and diff are given up first when the
    whole would be longer than `max_text_chars`.
    """
    if message_chars > len(message):
        message = cut(message, len(message) - 1)
    cleaned = clean_message(message)
    kept = cut(cleaned, max_text_chars)
    was_cut = len(kept) < len(cleaned) or message_chars > len(message)
    text = kept
    listed = [FileChange(_one_line(file.path), file.added, file.deleted) for file in files[:MOST_FILES]]
    for title, part in (("Files", "\n".join(map(_line, listed))), ("Diff", diff)):
        if part and (room := max_text_chars - len(text) - len(title) - 4) > 0 and (fitting := cut(part, room)):
            text = f"{text}\n\n{title}:\n{fitting}"
    redacted = redact(text)
    return Interaction(
        kind=Kind.COMMIT,
        external_key=sha,
        revision="1",
        occurred_at=occurred_at,
        text=redacted.text,
        author_key=author_key(author),
        details=Details(
            parents=tuple(parents),
            files=_redacted_paths(listed),
            files_total=files_total,
            message_chars=len(kept),
            original_chars=message_chars if was_cut else None,
            redactions=redacted.counts,
        ),
    )


def _one_line(path: str) -> str:
    """A path may hold any character but NUL; those that would begin a line or steer a terminal become U+FFFD."""
    return path if path.isprintable() else "".join(c if c >= " " and c != "\x7f" else "\ufffd" for c in path)


def _line(change: FileChange) -> str:
    if change.added is None or change.deleted is None:
        return f"{change.path} | binary"
    return f"{change.path} | +{change.added} -{change.deleted}"


def _redacted_paths(files: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """Paths with the secrets in them hidden; they hold no line ends, so one pass over all of them will do."""
    joined = "\n".join(change.path for change in files)
    redacted = redact(joined)
    if not redacted.counts:
        return tuple(files)
    return tuple(
        FileChange(path, change.added, change.deleted)
        for path, change in zip(redacted.text.split("\n"), files, strict=True)
    )
