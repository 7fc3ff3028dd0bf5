"""The patterns that one piece of text states: what a model is asked, and what of its answer stands."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from routing.errors import AnswerUngrounded
from routing.task import Prompt
from service.extraction.builtin.quoting import LONGEST_QUOTE
from service.extraction.builtin.statements import lead_length
from service.extraction.builtin.taxonomy import TYPES, type_of_text
from service.extraction.builtin.wording import stems
from service.extraction.builtin.writing import key_of
from service.extraction.grounding import find_quote
from service.extraction.interaction import Interaction
from service.extraction.pattern import Content, ExtractedPattern, Quote
from service.extraction.redact import redact
from service.extraction.tasks.fence import RULES, fenced

VERSION = "pattern_extraction-1"
_MOST_OUTPUT_TOKENS = 2_000

# Of one piece. What is over it is left out, and counted.
_MOST_PATTERNS, _MOST_QUOTES, _MOST_POINTS, _MOST_TAGS = 12, 6, 12, 8
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_POINT, _LONGEST_TAG = 120, 1_500, 500, 40

# One text is one source: however sure the model is, nothing in it recurs yet. Beside the built-in extractor's .40 to
# .50 a statement that a model is sure of lies at .60, one that it doubts at .30; recurrence and validations do the
# rest.
_LEAST_SURE, _SURE_SPAN = 0.3, 0.3

_SYSTEM = f"""You read the writing of a software team and write down the engineering patterns that it states: what the
team decided, what went wrong and why, what solved it, what is always or never to be done. A pattern helps a colleague
in another situation. Status, plans, thanks and facts of this one case are none.

{RULES}

Answer with JSON: "patterns", a list, empty where nothing is stated. Of each pattern:
"name": what to do or to watch out for, in at most ten words.
"type": one of {", ".join(TYPES)}.
"problem": what goes wrong without it, in one or two sentences; empty if the material does not say.
"solution": what to do instead, in one or two sentences; empty if the material does not say.
"steps": the steps in their order, if the material gives them. "recommendations": what it advises beside that.
"tags": up to five words to find it by.
"confidence": from 0 to 1, how sure it is that the team means it: .9 what was decided, .6 what is advised, .3 a guess.
"quotes": one to four pieces of the material that say so, each a whole sentence or clause, copied letter by letter.

Each quote is looked up in the material, and a pattern without a quote that stands there is thrown away. Say nothing
that the quotes do not: no names of people, no numbers, no tools and no reasons of your own. Write in the language of
the material. One pattern for one thought; the same thought twice is one pattern with both quotes. At most ten patterns,
those that help most."""


class Stated(msgspec.Struct, frozen=True):
    """A pattern as a model writes it; nothing of it is believed before `check`."""

    name: str
    type: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(TYPES)})]
    problem: str
    solution: str
    steps: list[str]
    recommendations: list[str]
    tags: list[str]
    confidence: float
    quotes: list[str]


class Patterns(msgspec.Struct, frozen=True):
    """All that a model found in one piece."""

    patterns: list[Stated]


class Checked(msgspec.Struct, frozen=True):
    """What stands of an answer; `dropped` counts the patterns and quotes that do not."""

    patterns: tuple[ExtractedPattern, ...]
    dropped: int = 0


def prompt(text: str, *, kind: str, part: int = 1, parts: int = 1) -> Prompt:
    """What a model is asked about one piece, which may be one of several of its interaction."""
    place = {} if parts == 1 else {"part": f"{part} of {parts}"}
    return Prompt(
        name=VERSION.partition("-")[0],
        system=_SYSTEM,
        user=fenced(text, kind=kind, **place),
        answer=Patterns,
        max_output_tokens=_MOST_OUTPUT_TOKENS,
    )


def check(answer: Patterns, interaction: Interaction, start: int = 0, end: int | None = None) -> Checked:
    """What of an answer about `text[start:end]` stands there word for word, as patterns of that interaction.

    Raises AnswerUngrounded when there are patterns and none of them has a quote that stands.
    """
    standing: list[ExtractedPattern] = []
    keys: set[str] = set()
    dropped = max(0, len(answer.patterns) - _MOST_PATTERNS)
    for stated in answer.patterns[:_MOST_PATTERNS]:
        quotes = _quotes(stated.quotes, interaction, start, end)
        dropped += len(stated.quotes) - len(quotes)
        pattern = _pattern(stated, interaction, quotes, keys) if quotes else None
        if pattern is None:
            dropped += 1
            continue
        keys.add(pattern.key)
        standing.append(pattern)
    if answer.patterns and not standing:
        raise AnswerUngrounded("none of its quotes stands in the source")
    return Checked(tuple(standing), dropped)


def _quotes(given: Sequence[str], interaction: Interaction, start: int, end: int | None) -> list[Quote]:
    found: dict[tuple[int, int], Quote] = {}
    for one in given[:_MOST_QUOTES]:
        place = find_quote(one, interaction.text, start, end, longest=2 * LONGEST_QUOTE)
        if place is not None:
            text = interaction.text[place[0] : place[1]]
            found[place] = Quote(interaction.external_key, interaction.revision, text, *place)
    return list(found.values())


def _pattern(
    stated: Stated, interaction: Interaction, quotes: Sequence[Quote], taken: set[str]
) -> ExtractedPattern | None:
    name = _line(stated.name, _LONGEST_NAME)
    content = Content(
        problem=_text(stated.problem, _LONGEST_TEXT),
        solution=_text(stated.solution, _LONGEST_TEXT),
        steps=_points(stated.steps),
        recommendations=_points(stated.recommendations),
    )
    if not name or not any((content.problem, content.solution, content.steps, content.recommendations)):
        return None
    # By what the source says, not by how this model words it: another model, or the built-in extractor, comes to the
    # same key for the same statement, in whatever document it is found again.
    key = next((key for key in map(_key, quotes) if key not in taken), None)
    if key is None:
        return None
    sure = min(max(stated.confidence, 0.0), 1.0)
    kind = interaction.kind.value.replace("_", " ")
    title = f" “{_line(interaction.details.title, _LONGEST_NAME)}”" if interaction.details.title else ""
    return ExtractedPattern(
        key=key,
        name=name,
        pattern_type=stated.type if stated.type in TYPES else type_of_text(f"{name} {content.solution}"),
        description=f"Stated in one {kind}{title}.",
        content=content,
        tags=_tags(stated.tags),
        scope=(),
        confidence=round(_LEAST_SURE + _SURE_SPAN * sure, 4),
        members=((interaction.external_key, interaction.revision),),
        evidence=tuple(quotes),
        extraction_confidence=sure,
    )


def _key(quote: Quote) -> str:
    said = " ".join(quote.quote[lead_length(quote.quote) :].split())
    return key_of("statement", " ".join(stems(said)) or said.casefold())


def _points(given: Iterable[str]) -> tuple[str, ...]:
    cleaned = (_text(one, _LONGEST_POINT) for one in given)
    return tuple(dict.fromkeys(one for one in cleaned if one))[:_MOST_POINTS]


def _tags(given: Iterable[str]) -> tuple[str, ...]:
    cleaned = (_line(one, _LONGEST_TAG).lower() for one in given)
    return tuple(dict.fromkeys(one for one in cleaned if one))[:_MOST_TAGS]


def _line(text: str, longest: int) -> str:
    return _text(" ".join(text.split()), longest)


def _text(text: str, longest: int) -> str:
    """What a model wrote, without what must not be stored: control characters, secrets, more than its share."""
    printable = "".join(one if one.isprintable() or one in "\n\t" else " " for one in text).strip()
    if len(printable) > longest:
        head = printable[: longest - 1]
        printable = (head.rsplit(None, 1)[0] if " " in head else head) + "…"
    return redact(printable).text
