"""Tokens of one call: as the model's answer states them, or counted from what went there and back."""

import msgspec

from wire.exchange import Asked, Said, count_tokens

PER_MESSAGE = 4
"""Tokens that a vendor's own template puts around a message."""


class Tally(msgspec.Struct, frozen=True):
    """Tokens that are told and charged. `input_tokens` are all, those from and into the cache among them."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int


def tally(asked: Asked, said: Said, schema_bytes: int = 0) -> Tally:
    """Count a call. An Ollama drops what its context does not hold, and counts what is left."""
    read = said.input_tokens
    if read is None:
        if asked.operation == "embed":
            read = sum(count_tokens(text) for text in asked.texts)
        else:
            read = count_tokens(asked.system) + count_tokens(asked.user) + 2 * PER_MESSAGE
            read += schema_bytes // 4 if asked.strict else 0
        if asked.room_tokens is not None and asked.operation == "chat":
            read = min(read, asked.room_tokens)
    written = said.output_tokens
    if written is None:
        written = 0 if asked.operation in {"embed", "count"} else count_tokens(said.text) + said.reasoning_tokens
    cached = min(said.cached_tokens, read)
    return Tally(read, written, cached, min(said.cache_write_tokens, read - cached), said.reasoning_tokens)
