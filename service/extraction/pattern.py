"""A pattern as an extractor hands it over: named, typed, and quoted from its sources; not stored yet."""

from typing import Literal, TypeAlias

import msgspec

Method: TypeAlias = Literal["builtin", "local_llm", "commercial_llm"]


class Maker(msgspec.Struct, frozen=True):
    """Who found a pattern; stored as `extraction_method` and `extraction_model` (vendor/name of a model)."""

    method: Method
    model: str


BUILTIN = Maker("builtin", "builtin-1")
"""The built-in extractor. Its version stands where a prompt's version stands for a model."""


class Quote(msgspec.Struct, frozen=True):
    """A verbatim piece of one interaction: `text[char_start:char_end] == quote`, offsets in code points."""

    external_key: str
    revision: str
    quote: str
    char_start: int
    char_end: int


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the pattern says; stored as `patterns.content`. Sentences come from the sources' own words."""

    problem: str = ""
    solution: str = ""
    context: str = ""
    steps: tuple[str, ...] = ()
    recommendations: tuple[str, ...] = ()


class ExtractedPattern(msgspec.Struct, frozen=True):
    """One recurring pattern with at least one quote for each interaction that shows it.

    `key` names the pattern for consolidation: the same recurrence found again has the same key, whatever its name.
    `members`: (external_key, revision) of every interaction that shows it, oldest first; `evidence` quotes them.
    `scope`: path globs it holds for, empty for the whole project. `confidence` in [0,1]; `extraction_confidence` is
    what a model said itself, None for the same.
    """

    key: str
    name: str
    pattern_type: str
    description: str
    content: Content
    tags: tuple[str, ...]
    scope: tuple[str, ...]
    confidence: float
    members: tuple[tuple[str, str], ...]
    evidence: tuple[Quote, ...]
    maker: Maker = BUILTIN
    extraction_confidence: float | None = None
