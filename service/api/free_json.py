"""JSON that callers may fill as they like (settings): bounded, and without secrets before it is stored."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias, cast

import msgspec

from service.api.problem import FieldError, FieldsInvalid
from service.extraction.redact import redact_values

MAX_BYTES = 16 * 1024
MAX_DEPTH = 8
MAX_NUMBER = 2**53  # beyond it most readers of JSON lose digits

FreeJson: TypeAlias = Annotated[
    dict[str, Any],
    msgspec.Meta(description=f"Anything, up to {MAX_BYTES // 1024} KiB and {MAX_DEPTH} levels; secrets are hidden."),
]


def clean(value: dict[str, Any], path: str) -> dict[str, Any]:
    """The object with its secrets hidden; raises FieldsInvalid for one that is too large, too deep or unstorable."""
    if len(msgspec.json.encode(value)) > MAX_BYTES:
        raise FieldsInvalid([FieldError(path, f"Over {MAX_BYTES // 1024} KiB")])
    errors = list(_faults(value, path, MAX_DEPTH))
    if errors:
        raise FieldsInvalid(errors[:20])
    return cast("dict[str, Any]", redact_values(value))


def _faults(value: object, path: str, levels: int) -> Iterator[FieldError]:
    """What cannot be kept; `levels`: how many may still be opened here."""
    if isinstance(value, str) and "\0" in value:
        yield FieldError(path, "Holds a NUL")
    elif isinstance(value, int | float) and abs(value) > MAX_NUMBER:
        yield FieldError(path, "Expected a number between -2^53 and 2^53")
    elif isinstance(value, dict | list):
        if not levels:
            yield FieldError(path, f"Nested over {MAX_DEPTH} levels")
        elif isinstance(value, dict):
            for key, member in cast("dict[str, object]", value).items():
                if "\0" in key:
                    yield FieldError(path, "Has a key that holds a NUL")
                yield from _faults(member, path, levels - 1)
        else:
            for item in cast("list[object]", value):
                yield from _faults(item, path, levels - 1)
