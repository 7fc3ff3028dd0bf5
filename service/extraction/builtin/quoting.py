"""Quotes: pieces of a source's text with their exact place in it, and the sentences worth quoting."""

import re

from service.extraction.interaction import Interaction
from service.extraction.pattern import Quote

LONGEST_QUOTE = 300

# A full stop after "e.g.", "i.e.", "etc.", "vs." or an initial ends no sentence.
_SENTENCE = re.compile(
    r"[^\s].*?(?:(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\bsee)(?<!\bno)[.!?](?=[\"')\]]?(?:\s|$))[\"')\]]?|[。！？]|\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)|\Z)",
    re.DOTALL,
)


def quote(interaction: Interaction, start: int, end: int) -> Quote:
    """The piece `text[start:end]`, blanks at its ends left out, cut between words to 300 characters."""
    text = interaction.text
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end - start > LONGEST_QUOTE:
        cut = text.rfind(" ", start, start + LONGEST_QUOTE)
        end = cut if cut > start else start + LONGEST_QUOTE
    return Quote(
        external_key=interaction.external_key,
        revision=interaction.revision,
        quote=text[start:end],
        char_start=start,
        char_end=end,
    )


def sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """(start, end) of the sentences of `text[start:end]`: up to a full stop, an empty line or a list item."""
    stop = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    for match in _SENTENCE.finditer(text, start, stop):
        begin, finish = match.span()
        while finish > begin and text[finish - 1].isspace():
            finish -= 1
        if finish > begin:
            spans.append((begin, finish))
    return spans
