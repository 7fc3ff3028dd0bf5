"""What of a text stands for it: a head (a name, a first line) and a body, and one vector of both."""

from collections.abc import Callable, Sequence

import numpy as np

from service.matching.embed import Embedder, Vectors

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


def vectors(
    embedder: Embedder, texts: Sequence[tuple[str, str]], progress: Callable[[int], object] | None = None
) -> Vectors:
    """One unit vector for each (head, body): the mean of the head's vector and of the whole text's.

    The model reads 256 tokens and blurs a long text; the head keeps its weight that way, at the price of one short text
    and with one vector to store and search. Without a body it is the head's own vector. `progress` counts pairs done.
    """
    pieces: list[str] = []
    owners: list[int] = []
    for number, (head, body) in enumerate(texts):
        whole = f"{head}\n{body}" if head and body else head or body
        for piece in (head, whole) if head and body else (whole,):
            pieces.append(piece)
            owners.append(number)

    def count(done: int) -> None:
        if progress is not None and (done == len(owners) or owners[done] != owners[done - 1]):
            progress(owners[done - 1] + 1)

    embedded = embedder.embed(pieces, count)
    sums = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
    np.add.at(sums, owners, embedded)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return sums / np.maximum(lengths, np.float32(1e-12))
