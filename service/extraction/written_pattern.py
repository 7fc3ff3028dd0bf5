"""A pattern as a person writes it or an agent proposes it, and a change of one; also what POST and PATCH take."""

from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.extraction.own_words import OwnWords, Piece, own_words, said
from service.extraction.redact import redact, redact_values
from service.matching.request import Status

# One line: no control characters, and something in it; the last part because Python's $ would let a line end pass.
# Texts have tabs and line ends besides.
_LINE = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$(?!\n)"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"

Name = Annotated[str, Meta(min_length=1, max_length=300, pattern=_LINE)]
Text = Annotated[str, Meta(max_length=20_000, pattern=_TEXT)]
Point = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=_TEXT)]
Points = Annotated[list[Point], Meta(max_length=100)]
PatternType = Annotated[str, Meta(max_length=50, pattern=r"^[a-z][a-z0-9_]*$(?!\n)")]
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100, pattern=_LINE)]], Meta(max_length=50)]
Scope = Annotated[list[Annotated[str, Meta(min_length=1, max_length=1_000, pattern=_LINE)]], Meta(max_length=50)]
JsonObject = Annotated[dict[str, Any], Meta(max_length=100)]
Offset = Annotated[int, Meta(ge=0, le=5_000_000)]

T = TypeVar("T", bound=msgspec.Struct)


class WrittenContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a pattern says."""

    problem: Text = ""
    solution: Text = ""
    context: Text = ""
    steps: Points = []
    recommendations: Points = []


class WrittenEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quote that stands in an interaction word for word; offsets count code points."""

    interaction_id: UUID
    char_start: Offset
    char_end: Offset
    quote: Annotated[str, Meta(min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]


class WrittenPattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new pattern. Without evidence its own words are kept as what it rests on. Agents only propose."""

    project_id: UUID
    name: Name
    pattern_type: PatternType = "general"
    description: Text = ""
    content: WrittenContent = msgspec.field(default_factory=WrittenContent)
    scope: Scope = []
    tags: Tags = []
    status: Literal["proposed", "active"] = "proposed"
    quality_metrics: JsonObject = {}
    success_criteria: JsonObject = {}
    evidence: Annotated[list[WrittenEvidence], Meta(max_length=100)] = []


class PatternChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; what is left out stays. The status is for people to set."""

    name: Name | UnsetType = UNSET
    pattern_type: PatternType | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    content: WrittenContent | UnsetType = UNSET
    scope: Scope | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    quality_metrics: JsonObject | UnsetType = UNSET
    success_criteria: JsonObject | UnsetType = UNSET
    superseded_by: UUID | UnsetType | None = UNSET


SAYING = ("name", "pattern_type", "description", "content", "scope", "tags")
"""What a change of makes another version."""


def without_secrets(written: T) -> T:
    """The same with secrets hidden in all of its own texts, and its name as one line; quotes stay as they stand."""
    values = msgspec.structs.asdict(written)
    for name, value in values.items():
        if value is UNSET or name in {"evidence", "status", "project_id", "superseded_by"}:
            continue
        if name == "name":
            values[name] = " ".join(redact(value).text.split())
        elif name == "content":
            values[name] = msgspec.convert(redact_values(msgspec.to_builtins(value)), WrittenContent)
        elif name in {"scope", "tags"}:
            values[name] = list(dict.fromkeys(redact_values(value)))
        elif isinstance(value, str):
            values[name] = redact(value).text
        else:
            values[name] = redact_values(value)
    return type(written)(**values)


def words_of(name: str, description: str, content: dict[str, Any]) -> OwnWords:
    """What a pattern says as a text of its own, quoted piece by piece."""
    pieces = [description, *(content.get(key, "") for key in ("problem", "solution", "context"))]
    pieces += [*content.get("steps", ()), *content.get("recommendations", ())]
    return own_words(name, map(Piece, said(pieces)))
