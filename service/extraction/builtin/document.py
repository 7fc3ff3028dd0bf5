"""Patterns of one document or conversation: decisions, lessons and recommendations that its own sentences state."""

import re

import msgspec

from service.extraction.builtin.extraction import Extraction
from service.extraction.builtin.naming import sentence_case, short
from service.extraction.builtin.quoting import quote, sentences
from service.extraction.builtin.saying import speaks_of_problem
from service.extraction.builtin.statements import lead_length, statement_kind
from service.extraction.builtin.taxonomy import type_of_text
from service.extraction.builtin.wording import GENERIC_STEMS, stems
from service.extraction.builtin.writing import key_of
from service.extraction.interaction import Interaction, Kind
from service.extraction.pattern import Content, ExtractedPattern

# One document is one source: what it says may be right, but nothing in it recurs yet.
_CONFIDENCE = {"recommendation": 0.45, "fix": 0.45, "lesson": 0.4, "decision": 0.4}
_MOST = 20
_LONGEST = 400
_READ_CHARS = 200_000
_CODE = re.compile(r"```.*?(?:```|\Z)|^(?: {4}|\t)\S.*$", re.DOTALL | re.MULTILINE)


class _Statement(msgspec.Struct, frozen=True):
    kind: str
    start: int
    end: int
    problem: tuple[int, int] | None


def extract_document(interaction: Interaction) -> Extraction:
    """At most 20 patterns of one document or conversation, in the order of the text; or none, and why."""
    text = interaction.message[:_READ_CHARS]
    if len(stems(text)) < 5:
        return Extraction(patterns=(), left_out={}, reason="There is too little text to learn from.")
    patterns: list[ExtractedPattern] = []
    names: set[str] = set()
    keys: set[str] = set()
    for one in _statements(text):
        pattern = _pattern(interaction, one)
        if pattern.key in keys or pattern.name.casefold() in names:
            continue
        keys.add(pattern.key)
        names.add(pattern.name.casefold())
        patterns.append(pattern)
        if len(patterns) == _MOST:
            break
    if patterns:
        return Extraction(patterns=tuple(patterns), left_out={}, reason=None)
    what = "conversation" if interaction.kind is Kind.CONVERSATION else "document"
    return Extraction(
        patterns=(),
        left_out={},
        reason=f"No sentence of this {what} states a decision, a lesson, a fix or a recommendation.",
    )


def _statements(text: str) -> list[_Statement]:
    code = [match.span() for match in _CODE.finditer(text)]
    found: list[_Statement] = []
    before: tuple[int, int] | None = None
    for start, end in _lines_apart(text):
        sentence = text[start:end]
        if any(begin <= start < finish for begin, finish in code) or len(sentence) > _LONGEST:
            before = None
            continue
        kind = statement_kind(sentence)
        if kind and _says_something(sentence):
            found.append(_Statement(kind, start, end, before))
            before = None
        else:
            # A problem counts for the statement that follows it within the same few lines.
            asked = sentence.rstrip().endswith("?") and not speaks_of_problem(sentence)
            before = (start, end) if speaks_of_problem(sentence) and not asked else None
    return found


def _lines_apart(text: str) -> list[tuple[int, int]]:
    """Sentences, and in conversations one line at a time where a new speaker starts."""
    spans: list[tuple[int, int]] = []
    for start, end in sentences(text):
        at = start
        for turn in re.finditer(
            r"\n(?=[ \t]*(?:\[?\d{1,2}:\d{2}|<?@?[\w.-]{1,24}>?:\s|#{1,6}\s|>|```))", text[start:end]
        ):
            spans.append((at, start + turn.start()))
            at = start + turn.end()
        spans.append((at, end))
    return [(begin, finish) for begin, finish in spans if text[begin:finish].strip()]


def _says_something(sentence: str) -> bool:
    return sum(word not in GENERIC_STEMS for word in stems(sentence)) >= 2


def _pattern(interaction: Interaction, one: _Statement) -> ExtractedPattern:
    text = interaction.text
    begin = one.start + lead_length(text[one.start : one.end])
    said = " ".join(text[begin : one.end].split())
    problem = ""
    evidence = [quote(interaction, begin, one.end)]
    if one.problem is not None:
        start, end = one.problem
        start += lead_length(text[start:end])
        problem = " ".join(text[start:end].split())
        evidence.append(quote(interaction, start, end))
    content = {
        "recommendation": Content(problem=problem, recommendations=(said,)),
        "decision": Content(problem=problem, solution=said),
        "fix": Content(problem=problem, solution=said),
        "lesson": Content(problem=problem or said, context=said if problem else ""),
    }[one.kind]
    what = "conversation" if interaction.kind is Kind.CONVERSATION else "document"
    title = f" “{short(interaction.details.title)}”" if interaction.details.title else ""
    return ExtractedPattern(
        key=key_of("statement", " ".join(stems(said))),
        name=short(sentence_case(said.rstrip(".!。 "))),
        pattern_type=type_of_text(f"{said} {problem}"),
        description=f"A {one.kind} stated in one {what}{title}"
        + (", with the problem it answers." if problem else "."),
        content=content,
        tags=(one.kind,),
        scope=(),
        confidence=_CONFIDENCE[one.kind] + (0.05 if problem else 0.0),
        members=((interaction.external_key, interaction.revision),),
        evidence=tuple(evidence),
    )
