"""What every vendor's vectors have to be."""

import math
from collections.abc import Sequence

from routing.errors import VendorFailed
from routing.price import Usage


def check_vectors(vectors: Sequence[Sequence[float]], texts: int, *, vendor: str, usage: Usage | None) -> None:
    """VendorFailed, with the usage, unless there is one a text, all of one length and of finite numbers."""
    lengths = {len(vector) for vector in vectors}
    whole = len(vectors) == texts and len(lengths) <= 1 and 0 not in lengths
    if not whole or not all(all(map(math.isfinite, vector)) for vector in vectors):
        raise VendorFailed(f"{vendor} did not answer with one vector a text", usage=usage)
