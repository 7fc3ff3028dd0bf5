"""A pattern's own words as its source: one text of all that it says, and the quotes in it. Pure."""

import hashlib
from collections.abc import Iterable

import msgspec

QUOTE_CHARS = 500


class Piece(msgspec.Struct, frozen=True):
    """One paragraph; `quoted`: evidence is taken from it, of which `link` says where it stood before."""

    text: str
    quoted: bool = True
    link: str | None = None


class OwnQuote(msgspec.Struct, frozen=True):
    """Where a quote stands in the text, in code points."""

    start: int
    end: int
    link: str | None = None


class OwnWords(msgspec.Struct, frozen=True):
    """The text, its revision (a hash of it), and at least one quote."""

    text: str
    revision: str
    quotes: tuple[OwnQuote, ...]


def own_words(name: str, pieces: Iterable[Piece]) -> OwnWords:
    """The name and the pieces as paragraphs; without a quoted piece the name is the quote."""
    parts = [name]
    quotes: list[OwnQuote] = []
    length = len(name)
    for piece in pieces:
        start = length + 2
        parts.append(piece.text)
        length = start + len(piece.text)
        if piece.quoted:
            quotes.append(OwnQuote(start, start + min(len(piece.text), QUOTE_CHARS), piece.link))
    text = "\n\n".join(parts)
    return OwnWords(text, digest(text)[:16], tuple(quotes or [OwnQuote(0, len(name))]))


def said(texts: Iterable[str]) -> list[str]:
    """The texts that say something, each once, without space around them."""
    return [text for text in dict.fromkeys(text.strip() for text in texts) if says(text)]


def says(text: str) -> bool:
    """Whether there is a letter or a digit in it: less is no quote."""
    return any(character.isalnum() for character in text)


def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
