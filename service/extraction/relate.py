"""How patterns relate: alike in meaning, or shown by the same changes. Pure."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

# Cosine between two patterns' texts above which a reader would call them neighbours: on MiniLM, unrelated
# engineering sentences lie around .1 to .3, paraphrases above .7.
SIMILAR = 0.7
# Changes that show both patterns: fewer than this may be chance.
SHARED = 3


class Related(msgspec.Struct, frozen=True):
    """A relation from the pattern at index `source` to the one at `target`; strength in [0,1]."""

    source: int
    target: int
    relationship_type: str
    strength: float
    evidence: dict[str, int | float]


def relate(
    members: Sequence[frozenset[tuple[str, str]]], vectors: Sequence[NDArray[np.float32] | None]
) -> list[Related]:
    """Every relation between patterns given in a fixed order, once each (source before target).

    `vectors`: one L2-normalised each, or None: what has none is similar to nothing. similar_to has the cosine as
    strength, co_occurs_with the share of all their members that show both (Jaccard).
    """
    relations: list[Related] = []
    cosines = _cosines(vectors)
    for a in range(len(members)):
        for b in range(a + 1, len(members)):
            if cosines is not None and (cosine := float(cosines[a, b])) >= SIMILAR:
                strength = round(min(cosine, 1.0), 4)
                relations.append(Related(a, b, "similar_to", strength, {"cosine": strength}))
            shared = len(members[a] & members[b])
            if shared >= SHARED:
                jaccard = round(shared / len(members[a] | members[b]), 4)
                relations.append(Related(a, b, "co_occurs_with", jaccard, {"shared_changes": shared}))
    return relations


def _cosines(vectors: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    some = next((vector for vector in vectors if vector is not None), None)
    if some is None:
        return None
    rows = np.stack([np.zeros_like(some) if vector is None else vector for vector in vectors])
    return rows @ rows.T
