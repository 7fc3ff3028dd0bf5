"""What each sign of a hard task weighs: the built-in weights, and those of a file that `motif router fit` wrote."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from routing.errors import CatalogInvalid

SCHEMA = 1


class Weights(msgspec.Struct, frozen=True):
    """Log-odds: `base`, and for each sign what it adds when it is fully shown. `kinds`: what a kind adds by itself."""

    version: str
    base: float
    signs: Mapping[str, float]
    kinds: Mapping[str, float] = {}
    schema: int = SCHEMA


DEFAULT = Weights(
    version="default-1",
    base=-0.5,
    signs={
        "negation": 3.0,
        "conditions": 1.0,
        "causes": 1.0,
        "comparison": 2.0,
        "contrast": 1.5,
        "relations": 2.0,
        "demands": 1.0,
        "routine": -2.5,
        "clauses": 2.0,
        "entities": 1.5,
        "formal": 1.0,
        "statements": 2.5,
        "speakers": 1.5,
        "references": 1.0,
        "files": 1.0,
    },
)


def load_weights(path: Path | None) -> Weights:
    """The weights of a file, or the built-in ones for None; CatalogInvalid for a file that cannot be used."""
    if path is None:
        return DEFAULT
    try:
        return msgspec.json.decode(path.read_bytes(), type=Weights)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CatalogInvalid(f"{path.name} holds no weights of a router ({error}). Write it anew.") from None
