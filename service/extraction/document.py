"""A document or a conversation as one interaction, redacted: a file of text or Markdown, or what comes by pipe."""

import codecs
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from service.errors import InputInvalid
from service.extraction.bounded_read import read_beginning
from service.extraction.conversation import looks_like_conversation, turns_of_json
from service.extraction.cut import cut
from service.extraction.interaction import Details, Interaction, Kind
from service.extraction.redact import redact

_MOST_BROKEN = 0.01
"""Share of characters that may be no UTF-8 (a stray byte in a log); more is another encoding, stored garbled."""


def read_document_file(
    path: Path, *, name: str | None = None, kind: Kind | None = None, max_text_chars: int = 200_000
) -> Interaction:
    """The interaction of a file, dated by its last change.

    `name` becomes its key; by default its path within the repository it lies in, else its file name, so that it is the
    same on every machine. Raises InputInvalid.
    """
    try:
        if not path.is_file():
            raise InputInvalid(
                f"{path} is not a file.", fix="Give a file of plain text or Markdown, or - for standard input."
            )
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with path.open("rb") as file:
            return read_document(
                file, name=name or _stable_name(path), kind=kind, occurred_at=changed, max_text_chars=max_text_chars
            )
    except OSError as error:
        raise InputInvalid(
            f"{path} cannot be read: {error.strerror}.", fix="Check the path and its permissions."
        ) from None


def read_document(
    stream: IO[bytes],
    *,
    name: str | None,
    occurred_at: datetime,
    kind: Kind | None = None,
    max_text_chars: int = 200_000,
) -> Interaction:
    """The interaction of a stream of bytes; without a name its content names it.

    `kind`: what it is; by default a conversation if it looks like one (see `conversation`), else a document. The
    revision is a hash of the stored text: the same text again is the same revision. A character that is no UTF-8
    becomes U+FFFD. Raises InputInvalid for what is empty, binary, or in another encoding.
    """
    label = name or "Standard input"
    data, beyond = read_beginning(stream, 4 * max_text_chars + 4)
    text = _decode(data, label, whole=not beyond).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputInvalid(f"{label} is empty.", fix="Give a text to learn from.")
    turns = turns_of_json(text) if kind in (None, Kind.CONVERSATION) else None
    original_chars = len(text) + beyond
    text = text if turns is None else turns
    kind = kind or (Kind.CONVERSATION if turns is not None or looks_like_conversation(text) else Kind.DOCUMENT)
    kept = cut(text, max_text_chars)
    redacted = redact(kept)
    revision = hashlib.sha256(redacted.text.encode()).hexdigest()[:16]
    return Interaction(
        kind=kind,
        external_key=redact(name).text if name else f"text-{revision}",
        revision=revision,
        occurred_at=occurred_at.astimezone(UTC),
        text=redacted.text,
        details=Details(
            original_chars=original_chars if len(kept) < len(text) or beyond else None,
            redactions=redacted.counts,
            title=_title(redacted.text),
        ),
    )


def _stable_name(path: Path) -> str:
    path = path.resolve()
    repository = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    return path.relative_to(repository).as_posix() if repository else path.name


def _decode(data: bytes, label: str, *, whole: bool) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace").decode(data, whole).replace("\0", "\ufffd")
    if b"\0" in data[:8192]:
        raise InputInvalid(
            f"{label} is binary.", fix="Give plain text or Markdown; export other formats to one of them."
        )
    text = codecs.getincrementaldecoder("utf-8-sig")("replace").decode(data, whole).replace("\0", "\ufffd")
    if text.count("\ufffd") > _MOST_BROKEN * len(text) + 1:
        raise InputInvalid(f"{label} is not UTF-8.", fix="Convert it first, for example: iconv -f latin1 -t utf-8")
    return text


def _title(text: str) -> str | None:
    """The first Markdown heading, else the first line, when it is short enough to be one."""
    heading = re.search(r"^#{1,3}[ \t]+(\S[^\n]*)", text, re.MULTILINE)
    line = heading[1] if heading else text.lstrip().split("\n", 1)[0]
    line = line.strip().strip("#").strip()
    return line if 0 < len(line) <= 160 else None
