"""A raw commit object as values. Pure: bytes in, a CommitObject out."""

import codecs
import re
from datetime import UTC, datetime

import msgspec

# Text encodings a commit may name; the rest of Python's codecs (punycode, idna, ...) are no way to write a message.
_ENCODINGS = re.compile(r"(?:iso|latin|windows|cp|koi8|shift|sjis|euc|gb|big5|us-?ascii|mac)[\w-]*", re.IGNORECASE)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


class CommitObject(msgspec.Struct, frozen=True):
    """What a commit says of itself. `committed_at`: when it became part of the history as it stands, UTC.

    `message_chars`: length of the whole message; `message` holds less of it when the object was cut before parsing.
    """

    parents: tuple[str, ...]
    author: str
    committed_at: datetime
    message: str
    message_chars: int


def parse_commit(data: bytes, beyond: int = 0) -> CommitObject:
    """Read a commit object of which `data` is the beginning; `beyond`: characters of the message after it.

    Bytes that are no text in the commit's encoding, and NUL, become U+FFFD. A header that cannot be read
    counts as absent.
    """
    head, _, body = data.partition(b"\n\n")
    # Continued lines (signatures, merged tags) begin with a space.
    headers = [line.partition(b" ") for line in head.split(b"\n") if not line.startswith(b" ")]
    first = {key: value for key, _, value in reversed(headers)}
    encoding = first.get(b"encoding", b"").decode("ascii", "replace")
    message = _decode(body, encoding, whole=not beyond).replace("\0", "\ufffd")
    return CommitObject(
        parents=tuple(value.decode("ascii", "replace") for key, _, value in headers if key == b"parent"),
        author=_person(first.get(b"author", b"")),
        committed_at=_time(first.get(b"committer", b"")),
        message=message,
        message_chars=len(message) + beyond,
    )


def _decode(body: bytes, encoding: str, *, whole: bool) -> str:
    try:
        decoder = codecs.getincrementaldecoder(encoding if _ENCODINGS.fullmatch(encoding) else "utf-8")
    except LookupError:
        decoder = codecs.getincrementaldecoder("utf-8")
    return decoder("replace").decode(body, whole)


def _person(header: bytes) -> str:
    """ "Name <address>" without the time."""
    return header.rpartition(b">")[0].decode(errors="replace") + ">" if b">" in header else ""


def _time(header: bytes) -> datetime:
    found = re.search(rb"> (-?\d{1,18})(?: |$)", header)
    seconds = max(0, int(found[1])) if found else 0
    return _LATEST if seconds >= _LATEST.timestamp() else datetime.fromtimestamp(seconds, UTC)
