"""What the views look at: for each interaction worth reading its headline, words, paths, change and vector."""

import importlib
import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy
import numpy.typing

from service.extraction.builtin import worth
from service.extraction.builtin.change import Sources, change_of
from service.extraction.builtin.wording import parts, stems, subject_span
from service.extraction.interaction import Interaction

Floats = numpy.typing.NDArray[numpy.float32]
Marks = numpy.typing.NDArray[numpy.bool_]

# Beyond this many paths a change says nothing about any one of them (a rename of the whole tree).
WIDE_CHANGE = 30
# How much of the shared space is meaning, the rest words and paths: .4 to .6 found most of 48 themes of a real history.
MEANING = 0.5
# A body is read this far; what follows is a log or a trailer more often than a reason.
_BODY_CHARS = 1_500


class Read(msgspec.Struct, frozen=True):
    """One interaction as read: where its headline stands, what it says, which paths it changes."""

    interaction: Interaction
    start: int
    end: int
    subject_stems: tuple[str, ...]
    body_stems: frozenset[str]
    paths: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The telling part of the headline."""
        return self.interaction.text[self.start : self.end]


class History(msgspec.Struct, frozen=True):
    """The interactions worth reading, oldest first, their sources, and the shared space they are compared in.

    `meant`: for each, whether its embedding is part of the space, or words and paths alone.
    """

    reads: tuple[Read, ...]
    sources: Sources
    space: Floats
    meant: Marks


def read(interaction: Interaction) -> Read:
    """Read one interaction."""
    text = interaction.message
    start, end = worth.headline(interaction)
    begin, finish = subject_span(text[start:end])
    body = plain_body(interaction)
    return Read(
        interaction=interaction,
        start=start + begin,
        end=start + finish,
        subject_stems=tuple(stems(text[start + begin : start + finish])),
        body_stems=frozenset(stems(body)),
        paths=tuple(change.path for change in interaction.details.files),
    )


def plain_body(interaction: Interaction) -> str:
    """The message after its headline, without trailers, at most 1,500 characters."""
    _, end = worth.headline(interaction)
    body = interaction.message[end : end + _BODY_CHARS]
    lines = [line for line in body.split("\n") if not _is_trailer(line)]
    return "\n".join(lines).strip()


def _is_trailer(line: str) -> bool:
    head = line.strip().lower()
    return head.startswith(_TRAILERS)


_TRAILERS = (
    *("signed-off-by:", "co-authored-by:", "reviewed-by:", "change-id:", "cc:", "acked-by:", "tested-by:", "refs:"),
    *("reported-by:", "git-svn-id:", "http://", "https://", "# conflicts", "#\t"),
)


def embedding_text(interaction: Interaction) -> str:
    """What stands for an interaction in the space of meaning: its headline without prefix, and the start of its body.

    Paths are left to the path view: file names would draw every test file to every other one.
    """
    text = interaction.message
    start, end = worth.headline(interaction)
    begin, finish = subject_span(text[start:end])
    subject = text[start + begin : start + finish]
    body = " ".join(plain_body(interaction)[:400].split())
    return f"{subject}. {body}" if body else subject or " ".join(text[:400].split())


def path_tokens(path: str) -> list[str]:
    """Stems of a path's words, without its extension and the words that any tree has."""
    head, _, name = path.rpartition("/")
    stem = name.split(".")[0] if not name.startswith(".") else name[1:].split(".")[0]
    return [part for part in parts(f"{head}/{stem}") if part not in _TREE_WORDS]


_TREE_WORDS = frozenset(
    ("src", "lib", "init", "main", "test", "unit", "index", "app", "core", "base", "common", "util", "helper", "py")
)


def build_space(reads: Sequence[Read], vectors: Floats | None) -> Floats:
    """One row of unit length for each read: words and paths reduced by SVD and, where given, meaning beside them."""
    words = _latent(reads)
    if vectors is None or not vectors.any():
        return words
    meant = _meant(vectors)
    centred = numpy.zeros_like(vectors)
    # What has no vector is compared by words alone. Centred with the others, all of it would mean the same.
    centred[meant] = _unit(_centred(vectors[meant]))
    return _unit(numpy.hstack([centred * numpy.float32(MEANING**0.5), words * numpy.float32((1 - MEANING) ** 0.5)]))


def _meant(vectors: Floats) -> Marks:
    return numpy.asarray(vectors.any(axis=1))


def _unit(rows: Floats) -> Floats:
    length = numpy.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return (rows / numpy.maximum(length, 1e-9)).astype(numpy.float32)


def _latent(reads: Sequence[Read]) -> Floats:
    """TF-IDF of subjects (weight 1), bodies (.4) and path words (.5), reduced to at most 64 dimensions by SVD."""
    import scipy.sparse  # noqa: PLC0415
    import sklearn.utils.extmath  # noqa: PLC0415

    document_frequency: dict[str, int] = {}
    weights: list[dict[str, float]] = []
    for item in reads:
        row: dict[str, float] = {}
        for word in item.body_stems:
            row[word] = 0.4
        if len(item.paths) <= WIDE_CHANGE:
            share = 0.5 / max(1, len(item.paths)) ** 0.5
            for path in item.paths:
                for word in path_tokens(path):
                    row["/" + word] = min(0.5, row.get("/" + word, 0.0) + share)
        for word in item.subject_stems:
            row[word] = 1.0
        weights.append(row)
        for word in row:
            document_frequency[word] = document_frequency.get(word, 0) + 1
    vocabulary = {word: at for at, word in enumerate(sorted(w for w, n in document_frequency.items() if n >= 2))}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for at, row in enumerate(weights):
        for word, weight in row.items():
            if word in vocabulary:
                rows.append(at)
                columns.append(vocabulary[word])
                values.append(weight * math.log(1 + len(reads) / document_frequency[word]))
    if not values:
        return numpy.zeros((len(reads), 1), dtype=numpy.float32)
    scipy_sparse: Any = scipy.sparse
    extmath: Any = sklearn.utils.extmath
    matrix = scipy_sparse.csr_matrix(
        (values, (rows, columns)), shape=(len(reads), len(vocabulary)), dtype=numpy.float32
    )
    rank = min(64, min(matrix.shape) - 1)
    if rank < 2:
        return _unit(numpy.asarray(matrix.todense(), dtype=numpy.float32))
    left, scale, _ = extmath.randomized_svd(matrix, n_components=rank, n_iter=4, random_state=0)
    reduced = numpy.asarray(left * scale, dtype=numpy.float32)
    return _unit(_centred(reduced))


def _centred(rows: Floats) -> Floats:
    """Without what all have in common, so that strangers are at cosine 0; a handful may well have all in common."""
    share = numpy.float32(len(rows) / (len(rows) + 30))
    return rows - share * rows.mean(axis=0, keepdims=True)


@contextmanager
def one_thread() -> Generator[None]:
    """Keep the linear algebra on one thread: the matrices are small, and sums in another order are other sums."""
    import threadpoolctl  # noqa: PLC0415

    importlib.import_module("sklearn.cluster")  # what is loaded only later would not be limited
    limits: Any = threadpoolctl.threadpool_limits
    with limits(limits=1):
        yield


def build_history(kept: Sequence[Interaction], everything: Sequence[Interaction], vectors: Floats | None) -> History:
    """Read what was kept; changes are told from the whole history, since a merge left out still joins its commits."""
    change = dict(zip((item.external_key for item in everything), change_of(everything), strict=True))
    reads = tuple(read(item) for item in kept)
    return History(
        reads=reads,
        sources=Sources(kept, [change[item.external_key] for item in kept]),
        space=build_space(reads, vectors),
        meant=numpy.zeros(len(reads), dtype=bool) if vectors is None else _meant(vectors),
    )
