"""Grounding: keeps only quotes that stand in their source, word for word. Applied to whatever any extractor gives."""

import re
from collections.abc import Mapping

import msgspec

from service.extraction.interaction import Interaction
from service.extraction.pattern import ExtractedPattern, Quote

# A shorter piece may stand anywhere by chance; it is never moved to where it happens to be found.
_SHORTEST_MOVED = 8


def ground(
    pattern: ExtractedPattern, interactions_by_key: Mapping[tuple[str, str], Interaction]
) -> ExtractedPattern | None:
    """The pattern with the quotes that stand; None if none does.

    `interactions_by_key`: (external_key, revision) -> interaction. A quote stands if `text[char_start:char_end]` is
    exactly it, in one of the pattern's own members. With wrong offsets it is moved if it is found verbatim exactly
    once; nothing else is forgiven. A member that is unknown, or loses all of its quotes, is dropped too.
    """
    members = [key for key in dict.fromkeys(pattern.members) if key in interactions_by_key]
    allowed = set(members)
    standing: list[Quote] = []
    lost: set[tuple[str, str]] = set()
    for one in pattern.evidence:
        key = (one.external_key, one.revision)
        kept = place(one, interactions_by_key[key].text) if key in allowed else None
        if kept is None:
            lost.add(key)
        elif kept not in standing:
            standing.append(kept)
    if not standing:
        return None
    quoted = {(one.external_key, one.revision) for one in standing}
    return msgspec.structs.replace(
        pattern,
        members=tuple(key for key in members if key in quoted or key not in lost),
        evidence=tuple(standing),
    )


def place(quote: Quote, text: str) -> Quote | None:
    """The quote where it stands in the text, moved if it is found exactly once; None if it does not stand."""
    if not any(character.isalnum() for character in quote.quote):
        return None
    start, end = quote.char_start, quote.char_end
    if 0 <= start < end <= len(text) and text[start:end] == quote.quote:
        return quote
    if len(quote.quote) < _SHORTEST_MOVED:
        return None
    found = text.find(quote.quote)
    if found < 0 or text.find(quote.quote, found + 1) >= 0:
        return None
    return msgspec.structs.replace(quote, char_start=found, char_end=found + len(quote.quote))


def find_quote(
    quote: str, text: str, start: int = 0, end: int | None = None, *, longest: int
) -> tuple[int, int] | None:
    """Where a quote without offsets first stands in `text[start:end]`; None if it does not stand, or says too little.

    Word for word; only how words are spaced and broken into lines is forgiven, because what is kept is the source's own
    text at that place. A piece of fewer than eight letters and digits may stand anywhere by chance.
    """
    words = quote.split()
    if sum(map(str.isalnum, quote)) < _SHORTEST_MOVED or sum(map(len, words)) > longest:
        return None
    found = re.compile(r"\s+".join(map(re.escape, words))).search(text, start, len(text) if end is None else end)
    if found is None or found.end() - found.start() > 2 * longest:
        return None
    return found.span()
