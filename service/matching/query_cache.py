"""Vectors of queries that were asked before, kept for those who see the same projects, for a while."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

ENTRIES = 2_000
"""Of 384 numbers each 3 MB."""

AGE_S = 600.0


class Asked(msgspec.Struct, frozen=True):
    """A question and who asks it: the projects that the policies let the caller search, the model, the text as a hash.

    Only its making tells that somebody has asked it, so whoever sees other projects must not meet it.
    """

    projects: frozenset[UUID]
    model: str
    text: bytes


def asked(projects: Iterable[UUID], model: str, head: str, body: str) -> Asked:
    """The key of a question; `projects` as row-level security has just given them."""
    return Asked(frozenset(projects), model, sha256(f"{len(head)}:{head}{body}".encode("utf-8", "replace")).digest())


class QueryCache:
    """Vectors by question, the longest unused going first. Holds no text and no answer; one process's own."""

    def __init__(
        self, *, entries: int = ENTRIES, age_s: float = AGE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._entries = entries
        self._age_s = age_s
        self._clock = clock
        self._kept: OrderedDict[Asked, tuple[float, Vector]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: Asked) -> Vector | None:
        """The vector, if it was put there within the age."""
        found = self._kept.get(question)
        if found is None:
            return None
        put_at, vector = found
        if self._clock() - put_at > self._age_s:
            del self._kept[question]
            return None
        self._kept.move_to_end(question)
        return vector

    def put(self, question: Asked, vector: Vector) -> None:
        """Keep a vector; over the bound, those go that were not asked for the longest."""
        self._kept[question] = (self._clock(), vector)
        self._kept.move_to_end(question)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)

    def forget(self, project_id: UUID) -> int:
        """Drop whatever was asked of a project, alone or among others; how many it was."""
        gone = [question for question in self._kept if project_id in question.projects]
        for question in gone:
            del self._kept[question]
        return len(gone)
