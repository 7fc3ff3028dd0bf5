"""What turns texts into vectors: a model in this process, or one at a vendor."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.storage.permission import Origin

Vector: TypeAlias = NDArray[np.float32]

SOURCE_DENIES = "source-denies"
"""Why a text has no vector whose words may not be sent; it will not have one later either."""


class Embedded(msgspec.Struct, frozen=True):
    """Vectors of length 1, one a text, in order; None for a text that has none, and then the `why` of one of those.

    `why` is a code: of an error of routing, of a decision that asks nobody, or SOURCE_DENIES, where there is no other.
    `stopped`: whether it is of no use to ask for more now.
    """

    vectors: Sequence[Vector | None]
    why: str | None = None
    stopped: bool = False


class Embedder(Protocol):
    """Any number of tasks may use one at once."""

    @property
    def model_id(self) -> str:
        """The model's name, under which vectors are stored."""
        ...

    @property
    def dimension(self) -> int | None:
        """Length of a vector; None where that is known only from the first answer."""
        ...

    @property
    def fingerprint(self) -> str:
        """Tells apart what gives other vectors."""
        ...

    @property
    def at_vendor(self) -> bool:
        """Whether texts are sent to be embedded: then never within a transaction, and not every text has a vector."""
        ...

    async def vectors_of(
        self, texts: Sequence[str], origins: Sequence[Origin], *, wait_s: float | None = None
    ) -> Embedded:
        """The vectors of texts, each with whose words it is. `wait_s`: less than the usual wait for a vendor.

        A model in this process embeds every text. Raises EmbeddingModelChanged where the vectors are of another model
        than those that are stored.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
