"""The receipt of an erasure: what went, what was changed, and what no erasure reaches. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

What = Literal["pattern", "source", "person", "project", "retention"]


class NotReached(msgspec.Struct, frozen=True):
    """Something that may still hold what was erased, and until when."""

    what: str
    until: str


class Receipt(msgspec.Struct, frozen=True):
    """What became of an erasure.

    `removed` and `changed`: rows by table, and `jobs` and `caches` by entry. What is changed in place no longer holds
    anything that only the erased said. `target`: the id or key that was asked for.
    """

    what: What
    target: str
    project_id: UUID
    at: datetime
    removed: Mapping[str, int]
    changed: Mapping[str, int]
    not_reached: tuple[NotReached, ...]


def not_reached(*, embedded: bool) -> tuple[NotReached, ...]:
    """What no erasure reaches, by hosting: the embedded database rewrites its own files, a hosted one is others'."""
    everywhere = (
        NotReached("backups, copies and exports that were made before", "they are overwritten or deleted"),
        NotReached("what other people wrote about it", "they erase or change it"),
        NotReached("caches of other processes of Motif", "their entries' age, ten minutes at most"),
        NotReached("jobs under way", "they end, and find nothing"),
        NotReached("what model vendors were sent", "their own retention ends; this version sends them nothing"),
        NotReached("ids in the audit and in events of removal", "never: they hold ids only"),
    )
    if embedded:
        return (
            *everywhere,
            NotReached(
                "freed pages and the write-ahead log",
                "the scrub is through: at once on the command line, else in about a minute",
            ),
            NotReached("blocks that the file system gave back", "the disk uses them again"),
        )
    return (
        *everywhere,
        NotReached("freed pages and the write-ahead log", "vacuum and the next checkpoints rewrite them"),
        NotReached("backups and point-in-time recovery of the host", "the host's retention ends"),
    )
