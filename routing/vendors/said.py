"""What came back over HTTP: bodies no longer than they may be, read into shapes, however broken they are."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from routing.price import Usage

MOST_BODY_BYTES = 8 * 1024 * 1024
"""Of a vendor's answer: the longest is a list of vectors, 64 texts of 3,072 numbers in JSON."""
MOST_TOKENS = 1_000_000_000
MOST_RETRY_AFTER_S = 86_400.0

T = TypeVar("T")


class BodyTooLong(Exception):
    """More than MOST_BODY_BYTES; what was left is not read."""


async def bounded(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, until there are too many of them: then BodyTooLong."""
    so_far = 0
    async for piece in body:
        so_far += len(piece)
        if so_far > MOST_BODY_BYTES:
            raise BodyTooLong
        yield piece


def read(body: bytes, shape: type[T]) -> T | None:
    """The body as a struct, or None where it is none.

    Half a surrogate pair or a broken byte, which strict JSON refuses, is let by: the usage beside it is money.
    """
    try:
        return msgspec.json.decode(body, type=shape, strict=False)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return msgspec.convert(json.loads(body.decode("utf-8", "replace")), type=shape, strict=False)
    except (ValueError, RecursionError):
        return None


def usage_of(
    input_tokens: object, output_tokens: object, *, cache_read: object = None, cache_write: object = None
) -> Usage | None:
    """Usage of four numbers as a vendor says them, `input_tokens` being all; None where it says none that can be."""
    read_all, written = _count(input_tokens), _count(output_tokens)
    if read_all is None or written is None:
        return None
    from_cache, into_cache = _count(cache_read) or 0, _count(cache_write) or 0
    # Whatever is said to be cached beyond what was read at all would be subtracted from nothing.
    return Usage(max(read_all, from_cache + into_cache), written, from_cache, into_cache)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return None
    return int(value)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """When a vendor wants to be asked again, in seconds: of retry-after-ms, or retry-after as a number or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if seconds >= 0:  # not for NaN either
            return min(seconds, MOST_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), MOST_RETRY_AFTER_S)


def without_surrogates(text: str) -> str:
    """The text as it can be sent: a question mark for each half of a surrogate pair, so that offsets stay."""
    return text.encode("utf-8", "replace").decode()


def answered_by(said: str, asked: str) -> str:
    """The name of the model that answered, fit for the ledger; the one that was asked where nothing is said."""
    return without_surrogates(said)[:200] or asked


def word(value: Any) -> str:
    """A vendor's own code for an error, fit for a message: one word of at most 48 characters, else nothing."""
    return value if isinstance(value, str) and len(value) <= 48 and value.replace("_", "").isalnum() else ""
