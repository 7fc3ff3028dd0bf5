"""Read the beginning of a stream and only count the rest, so that no size of input fills the memory."""

from typing import IO

_CHUNK = 1 << 20
_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that do not begin a character."""


def read_beginning(stream: IO[bytes], keep: int, size: int | None = None) -> tuple[bytes, int]:
    """The first `keep` bytes, or less to end with a character, and the number of characters after them.

    Reads to the end, or `size` bytes; raises EOFError if the stream ends before. Characters are taken for UTF-8.
    """
    kept = stream.read(keep if size is None else min(keep, size))
    left = None if size is None else size - len(kept)
    beyond = 0
    while left is None or left > 0:
        chunk = stream.read(_CHUNK if left is None else min(left, _CHUNK))
        if not chunk:
            if left:
                raise EOFError
            break
        beyond += len(chunk.translate(None, _CONTINUATION))
        left = None if left is None else left - len(chunk)
    if beyond and (halved := _begun_character(kept)):
        return kept[:-halved], beyond + 1
    return kept, beyond


def _begun_character(data: bytes) -> int:
    """How many bytes at the end begin a character of UTF-8 without ending it."""
    for length in range(1, min(4, len(data) + 1)):
        first = data[-length]
        if first >= 0xC0:
            return length if length < (2 if first < 0xE0 else 3 if first < 0xF0 else 4) else 0
        if first < 0x80:
            return 0
    return 0
