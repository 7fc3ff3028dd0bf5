"""What came in: one revision of one commit, pull request, issue, conversation or document, already redacted."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What an interaction is."""

    COMMIT = "commit"
    PULL_REQUEST = "pull_request"
    ISSUE = "issue"
    CONVERSATION = "conversation"
    DOCUMENT = "document"


class FileChange(msgspec.Struct, frozen=True):
    """One changed path, after the change; `added` and `deleted` are lines, None for a binary file."""

    path: str
    added: int | None = None
    deleted: int | None = None


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known beside the text; stored as `interactions.metadata`.

    `message_chars`: code points of `text` that people wrote (a commit's message); paths and diff follow them.
    `original_chars`: length before the text was cut, if it was. `redactions`: secrets replaced, by rule.
    """

    parents: tuple[str, ...] = ()
    files: tuple[FileChange, ...] = ()
    files_total: int = 0
    message_chars: int | None = None
    original_chars: int | None = None
    redactions: dict[str, int] = {}
    title: str | None = None
    link: str | None = None


class Interaction(msgspec.Struct, frozen=True):
    """One immutable revision. `external_key` + `revision` are unique in its source (a commit: its full sha, and "1").

    `author_key` is a pseudonym, never a name or address. `text` is redacted, holds no NUL, and quotes point into it
    by code point.
    """

    kind: Kind
    external_key: str
    revision: str
    occurred_at: datetime
    text: str
    author_key: str | None = None
    details: Details = Details()

    @property
    def message(self) -> str:
        """The part of the text that people wrote."""
        return self.text if self.details.message_chars is None else self.text[: self.details.message_chars]
