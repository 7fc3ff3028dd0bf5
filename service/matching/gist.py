"""What of a text stands for it: a head (a name, a first line) and a body, and one vector of both."""

from collections.abc import Sequence

import numpy as np

from service.matching.embedder import Embedded, Embedder, Vector
from service.storage.permission import Origin

MAX_HEAD_CHARS = 200


def split(text: str) -> tuple[str, str]:
    """Head and body of a query: its first line, as in a commit, an issue or a mail, and the rest.

    A first line over 200 characters is a paragraph: its beginning, up to the last whole word, is the head.
    """
    stripped = text.strip()
    first, _, rest = stripped.partition("\n")
    if len(first) <= MAX_HEAD_CHARS:
        return first.strip(), rest.strip()
    cut = first.rfind(" ", MAX_HEAD_CHARS // 2, MAX_HEAD_CHARS + 1)
    cut = cut if cut > 0 else MAX_HEAD_CHARS
    return stripped[:cut].strip(), stripped[cut:].strip()


async def gists(
    embedder: Embedder, texts: Sequence[tuple[str, str]], origins: Sequence[Origin], *, wait_s: float | None = None
) -> Embedded:
    """One unit vector for each (head, body): the mean of the head's vector and of the whole text's.

    The model reads 256 tokens and blurs a long text; the head keeps its weight that way, at the price of one short text
    and with one vector to store and search. Without a body it is the head's own vector. A text has one only if all that
    it is made of does.
    """
    pieces: list[str] = []
    owners: list[int] = []
    for number, (head, body) in enumerate(texts):
        whole = f"{head}\n{body}" if head and body else head or body
        for piece in (head, whole) if head and body else (whole,):
            pieces.append(piece)
            owners.append(number)
    embedded = await embedder.vectors_of(pieces, [origins[owner] for owner in owners], wait_s=wait_s)
    sums: list[Vector | None] = [None] * len(texts)
    lacking = {owner for owner, vector in zip(owners, embedded.vectors, strict=True) if vector is None}
    for owner, vector in zip(owners, embedded.vectors, strict=True):
        if vector is not None and owner not in lacking:
            before = sums[owner]
            sums[owner] = vector.copy() if before is None else before + vector
    return Embedded([None if one is None else _unit(one) for one in sums], embedded.why, embedded.stopped)


def _unit(vector: Vector) -> Vector:
    length = np.float32(np.linalg.norm(vector))
    return vector / np.maximum(length, np.float32(1e-12))
