"""Cursors: where a list goes on. Opaque to callers; they hold the sort key of the last row, never an offset."""

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from litestar.params import QueryParameter

from service.api.problem import FieldError, FieldsInvalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Most items of one page.")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=2_000, description="`next_cursor` of the page before; the first if left out.")
]

T = TypeVar("T")


def cut(rows: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]) -> tuple[list[T], str | None]:
    """The page's rows and its `next_cursor`, out of up to `limit` + 1 rows: the one too many says that more come."""
    page = list(rows[:limit])
    return page, encode_cursor(*key(page[-1])) if len(rows) > limit else None


def encode_cursor(*key: Any) -> str:
    """A cursor for the sort key of a page's last row: texts, numbers, ids and times."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, key: type[T]) -> T | None:
    """The sort key in a cursor, as a tuple type such as `tuple[datetime, UUID]`; raises FieldsInvalid."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=key)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise FieldsInvalid([FieldError("cursor", "Not one that this list gave")]) from None
