"""Read the beginning of a stream and only count the rest, so that no size of input fills the memory."""

from typing import IO

_CHUNK = 1 << 20
_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that do not begin a character."""


def read_beginning(stream: IO[bytes], keep: int, size: int | None = None) -> tuple[bytes, int]:
    """The first `keep` bytes and the number of characters after them, to the end or up to `size` bytes.

    Raises EOFError if the stream ends before `size`.
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
    return kept, beyond
