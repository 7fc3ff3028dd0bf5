"""What the built-in extractor answers: patterns, or the reason why there are none."""

from collections.abc import Callable, Mapping

import msgspec

from service.extraction.pattern import ExtractedPattern

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share done, in [0,1]."""


class Extraction(msgspec.Struct, frozen=True):
    """Patterns, best first; how many interactions were left out, by reason; and why there is no pattern, if none."""

    patterns: tuple[ExtractedPattern, ...]
    left_out: Mapping[str, int] = {}
    reason: str | None = None
