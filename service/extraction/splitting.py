"""A long text in pieces that a model reads one at a time, cut where a thought is likely to end. Pure."""

from collections.abc import Sequence

Span = tuple[int, int]

# Tried in this order: between paragraphs, between lines, after a sentence, between words.
_ENDS: Sequence[str] = ("\n\n", "\n", ". ", "。", " ")


def split(text: str, longest_bytes: int) -> list[Span]:
    """(start, end) of pieces of at most so many bytes of UTF-8 that together are all of the text, in its order.

    A piece ends in its second half where there is an end to be found, so that pieces are few. Empty text has one piece.
    """
    spans: list[Span] = []
    start = 0
    while (most := _fitting(text, start, longest_bytes)) < len(text):
        end = _end(text, start, most)
        spans.append((start, end))
        start = end
    return [*spans, (start, len(text))]


def _fitting(text: str, start: int, longest_bytes: int) -> int:
    """Where the longest piece from `start` on that fits would end; at least a character after it."""
    data = text[start : start + longest_bytes].encode(errors="surrogatepass")
    fitting = data[:longest_bytes].decode(errors="ignore")
    return min(start + max(len(fitting), 1), len(text))


def _end(text: str, start: int, most: int) -> int:
    for mark in _ENDS:
        at = text.rfind(mark, (start + most) // 2, most)
        if at >= 0:
            return at + len(mark)
    return most
