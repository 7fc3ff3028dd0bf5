"""Texts to vectors by a vendor's model, through the router: under the permission, budgets and ledger of any call."""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum

import msgspec
import numpy as np

from routing.call_failed import CallFailed
from routing.catalog import Place
from routing.errors import (
    BudgetRefused,
    CatalogInvalid,
    LedgerUnavailable,
    RequestRefused,
    VendorError,
)
from routing.reasons import Reason
from routing.router import Router
from service.errors import EmbeddingModelChanged
from service.matching.embedder import SOURCE_DENIES, Embedded, Vector
from service.storage import search
from service.storage.database import Database, Role
from service.storage.permission import Origin

BATCH_TEXTS = 256
BATCH_BYTES = 250_000
"""Of one call, well within what vendors take; a token is a byte at least, and OpenAI takes 300,000 of those."""

CONTEXT_TOKENS = 8_191
"""Of a model of which nobody says how much it reads; OpenAI's."""

BYTES_PER_TOKEN = (3, 1)
"""What a token stands for at least in most texts, and in every one."""

FEWEST_BYTES = 480
"""Of a text for a model that reads less than it is said to. Where even that is refused it is not the length."""

_HIDDEN = re.compile("█+")


class _Ends(Enum):
    """What is not asked for any more: the batch alone, the texts of that source or project, or all of them."""

    BATCH = 1
    GROUP = 2
    ALL = 3


class _Why(msgspec.Struct, frozen=True):
    """Why a batch has no vectors."""

    code: str
    ends: _Ends


class _Piece(msgspec.Struct, frozen=True):
    """One text of a batch, and where its vector goes."""

    number: int
    text: str


class VendorEmbedder:
    """One model at a vendor. Says once why texts have no vectors, and again when that changes."""

    def __init__(
        self,
        model_id: str,
        model_ref: str,
        router: Router,
        database: Database,
        *,
        heard: Callable[[str], object] = lambda _why: None,
    ) -> None:
        """`model_id`: as in the settings, and as vectors are stored under; `model_ref`: as the catalog writes it.

        `heard` gets the code of why texts have no vectors.
        """
        self.model_id = model_id
        self._ref = model_ref
        self._router = router
        self._database = database
        self._heard = heard
        self._said: str | None = None
        self._known: tuple[int, str] | None = None
        self._anew = False
        self._rung = 0

    @property
    def dimension(self) -> int | None:
        """Length of a vector; None before the first answer."""
        return self._known[0] if self._known else None

    @property
    def answered_as(self) -> str:
        """The model's name for itself; empty before the first answer."""
        return self._known[1] if self._known else ""

    @property
    def fingerprint(self) -> str:
        """The model's name: a vendor says nothing else of it."""
        return self.model_id

    @property
    def at_vendor(self) -> bool:
        """Every text is sent."""
        return True

    @property
    def vendor(self) -> str:
        """Whose model it is."""
        return self._ref.partition("/")[0]

    @property
    def needs_permission(self) -> bool:
        """Whether texts leave the installation's own machines; True for a model that nobody has heard of."""
        model = self._router.catalog.find(self._ref)
        return model is None or model.place is not Place.LOCAL

    def begin_anew(self) -> None:
        """Take the model for what it is now, whatever the stored vectors were made with; they are to be replaced."""
        self._known, self._anew = None, True

    def close(self) -> None:
        """The router is somebody else's."""

    async def vectors_of(
        self, texts: Sequence[str], origins: Sequence[Origin], *, wait_s: float | None = None
    ) -> Embedded:
        """As Embedder.vectors_of. Texts of one origin go together, in batches; an empty text has no vector."""
        found: list[Vector | None] = [None] * len(texts)
        groups: dict[Origin, list[_Piece]] = {}
        for number, (text, origin) in enumerate(zip(texts, origins, strict=True)):
            if text.strip():
                groups.setdefault(origin, []).append(_Piece(number, _cut(text, self._limits()[0])))
        reasons: list[_Why] = []
        for origin, pieces in groups.items():
            for batch in _batches(pieces):
                rows = await self._embed(batch, origin, wait_s)
                if isinstance(rows, _Why):
                    reasons.append(rows)
                    if rows.ends is not _Ends.BATCH:
                        break
                    continue
                for piece, row in zip(batch, rows, strict=True):
                    found[piece.number] = row
            if reasons and reasons[-1].ends is _Ends.ALL:
                break
        why = max(reasons, key=lambda reason: reason.code != SOURCE_DENIES).code if reasons else None
        self._say(why)
        return Embedded(found, why, stopped=bool(reasons) and reasons[-1].ends is _Ends.ALL)

    async def _embed(
        self, batch: Sequence[_Piece], origin: Origin, wait_s: float | None
    ) -> "list[Vector | None] | _Why":
        """One batch; its long texts cut shorter where the vendor refuses it, and those of later ones too."""
        limits = self._limits()
        for rung in range(self._rung, len(limits)):
            texts = [_cut(piece.text, limits[rung]) for piece in batch]
            if rung > self._rung and texts == [_cut(piece.text, limits[rung - 1]) for piece in batch]:
                continue
            rows = await self._ask(texts, origin, wait_s)
            if isinstance(rows, _Why) and rows.code == RequestRefused.code:
                continue
            if not isinstance(rows, _Why):
                self._rung = rung
            return rows
        return _Why(RequestRefused.code, _Ends.BATCH)

    async def _ask(self, texts: Sequence[str], origin: Origin, wait_s: float | None) -> "list[Vector | None] | _Why":
        try:
            answer = await self._router.embed(
                self._ref,
                texts,
                vendors=origin.vendors,
                project_id=origin.project_id,
                source_id=origin.source_id,
                redactions=sum(len(_HIDDEN.findall(text)) for text in texts),
                timeout_s=wait_s,
            )
        except BudgetRefused as error:
            return _Why(error.code, _Ends.GROUP if error.budget.startswith("project:") else _Ends.ALL)
        except CallFailed as error:
            if error.decision.reason is Reason.SOURCE_DENIES:
                return _Why(SOURCE_DENIES, _Ends.GROUP)
            return _Why(error.decision.reason.value, _Ends.ALL)
        except (VendorError, LedgerUnavailable, CatalogInvalid) as error:
            return _Why(error.code, _Ends.ALL)
        rows = np.asarray(answer.vectors, dtype=np.float32)
        await self._know(rows.shape[1], answer.model)
        lengths = np.linalg.norm(rows, axis=1)
        return [_unit(row, length) for row, length in zip(rows, lengths, strict=True)]

    async def _know(self, dimension: int, answered_as: str) -> None:
        """What the first answer says is written down; every other one has to say the same."""
        known = self._known
        if known is None and self._anew:
            known = (dimension, answered_as)
        elif known is None:
            async with self._database.transaction(Role.SERVICE) as connection:
                stored, name = await search.know_model(connection, self.model_id, dimension, answered_as)
            known = (stored or dimension, name or answered_as)
        if known[0] != dimension:
            raise _changed(f"{self.model_id} answers with {dimension} numbers a text, where it used to be {known[0]}.")
        if known[1] != answered_as:
            raise _changed(f"{self.model_id} is answered by {answered_as!r}, where it used to be {known[1]!r}.")
        self._known = known

    def _limits(self) -> tuple[int, ...]:
        """Most bytes of a text, from what should do to what must."""
        model = self._router.catalog.find(self._ref)
        tokens = model.context_tokens if model and model.context_tokens else CONTEXT_TOKENS
        # A few are the model's own, around the text.
        room = max(tokens - 16, 64)
        return (*(room * each for each in BYTES_PER_TOKEN), min(room, FEWEST_BYTES))

    def _say(self, why: str | None) -> None:
        if why is not None and why != self._said:
            self._heard(why)
        self._said = why


def _unit(row: Vector, length: np.float32) -> Vector | None:
    return row / length if np.isfinite(length) and length > 0 else None


def _changed(what: str) -> EmbeddingModelChanged:
    return EmbeddingModelChanged(what, fix="Run `motif embeddings rebuild`.")


def _cut(text: str, most_bytes: int) -> str:
    """The beginning of a text, at most so many bytes of UTF-8, and no half of a character."""
    if len(text) * 4 <= most_bytes:
        return text
    return text.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")


def _batches(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    batch: list[_Piece] = []
    size = 0
    for piece in pieces:
        length = len(piece.text.encode("utf-8", "replace"))
        if batch and (len(batch) == BATCH_TEXTS or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += length
    if batch:
        yield batch
