"""Writes down what changes together: the pair as a name, the counts as a description, the file lines as quotes."""

from service.extraction.builtin.cochange import CoChange, shown
from service.extraction.builtin.naming import short
from service.extraction.builtin.quoting import quote
from service.extraction.builtin.reading import History, Read
from service.extraction.builtin.taxonomy import type_of, type_of_paths
from service.extraction.builtin.writing import MOST_QUOTES, confidence, distinct, key_of
from service.extraction.pattern import Content, ExtractedPattern, Quote


def write_cochange(history: History, pair: CoChange) -> ExtractedPattern:
    """The pattern of one pair. Its quotes are the lines that list both files, where the text lists files."""
    reads = [history.reads[at] for at in pair.members]
    one, other = shown(pair.one, pair.other)
    name = short(f"Change {one} and {other} together")
    first, last = reads[0].interaction.occurred_at, reads[-1].interaction.occurred_at
    share = len(pair.members) / max(1, pair.touching)
    examples = distinct([short(item.subject, 100) for item in reversed(reads)])[:3]
    return ExtractedPattern(
        key=key_of("cochange", "\n".join(sorted((pair.one, pair.other)))),
        name=name,
        pattern_type=type_of_paths((pair.one, pair.other), type_of(name, reads)),
        description=(
            f"{len(pair.members)} changes from {first:%B %Y} to {last:%B %Y} touched both {pair.one} and {pair.other}: "
            f"{share:.0%} of the {pair.touching} that touched {pair.rarer}. "
            f"For instance: {'; '.join(f'“{text}”' for text in examples)}."
        ),
        content=Content(),
        tags=("changes-together",),
        scope=tuple(f"{side}**" if side.endswith("/") else side for side in (pair.one, pair.other)),
        confidence=confidence(min(1.0, share), pair.sources),
        members=tuple((item.interaction.external_key, item.interaction.revision) for item in reads),
        evidence=tuple(_quotes(pair, reads))[:MOST_QUOTES],
    )


def _quotes(pair: CoChange, reads: list[Read]) -> list[Quote]:
    """For each member, the newest first, the lines of its file list that name either side; else its headline."""
    found: list[Quote] = []
    for item in reversed(reads):
        lines = [_file_line(item, side) for side in (pair.one, pair.other)]
        placed = [line for line in lines if line is not None]
        if len(placed) < len(lines):
            placed = [(item.start, item.end)]
        found.extend(quote(item.interaction, start, end) for start, end in placed)
    return found


def _file_line(item: Read, side: str) -> tuple[int, int] | None:
    """Where the text, after its message, lists a path of this side."""
    text = item.interaction.text
    message_end = len(item.interaction.message)
    for path in item.paths:
        if path == side or (side.endswith("/") and path.rpartition("/")[0] + "/" == side):
            at = text.find(f"\n{path}", message_end)
            if at >= 0:
                end = text.find("\n", at + 1)
                return at + 1, len(text) if end < 0 else end
    return None
