"""Replace secrets by placeholders of equal length, so that every offset holds. The rules stand in secret_rules/."""

import re
from collections.abc import Iterator
from functools import cache

import msgspec

from service.extraction.secret_rules.kept import kept_rules
from service.extraction.secret_rules.own import own_rules
from service.extraction.secret_rules.private_key import private_key_blocks
from service.extraction.secret_rules.rule import PLACEHOLDER, Rule

# Hiding one secret can bring another to light (a quote inside the first one is gone); two passes settle real texts.
_MOST_PASSES = 8


class Redacted(msgspec.Struct, frozen=True):
    """`text` has as many code points as what came in; `counts`: places hidden, by rule."""

    text: str
    counts: dict[str, int] = {}


class _Span(msgspec.Struct, frozen=True):
    start: int
    end: int
    rule: str


def redact(text: str) -> Redacted:
    """`text` with its secrets, and the local part of e-mail addresses, hidden; line ends stay. Again changes nothing.

    Passwords in plain prose cannot be told from words and stay. A comment that allows a secret is not obeyed: it speaks
    of a scanner's noise, not of who may read it here.
    """
    counts: dict[str, int] = {}
    for _ in range(_MOST_PASSES):
        spans = [span for span in _spans(text) if _hides_something(text, span)]
        if not spans:
            break
        text = _hide(text, spans, counts)
    return Redacted(text, counts)


def _hides_something(text: str, span: _Span) -> bool:
    return any(c != PLACEHOLDER and c not in "\r\n" for c in text[span.start : span.end])


def _hide(text: str, spans: list[_Span], counts: dict[str, int]) -> str:
    """Hide the union of `spans`; each place counts once, for the rule that begins first, then the one tried first."""
    pieces: list[str] = []
    done = 0
    for span in sorted(spans, key=lambda span: span.start):
        if span.end <= done:
            continue
        if span.start >= done:
            counts[span.rule] = counts.get(span.rule, 0) + 1
        start = max(span.start, done)
        pieces.append(text[done:start])
        pieces.append(re.sub(r"[^\r\n]", PLACEHOLDER, text[start : span.end]))
        done = span.end
    pieces.append(text[done:])
    return "".join(pieces)


@cache
def _rules() -> tuple[Rule, ...]:
    return (*kept_rules(), *own_rules())


def _spans(text: str) -> Iterator[_Span]:
    lowered = _lower(text)
    for start, end in private_key_blocks(text):
        yield _Span(start, end, "private_key")
    for rule in _rules():
        for window_start, window_end in _windows(lowered, rule):
            for match in rule.pattern.finditer(text, window_start, window_end):
                start, end = match.span(rule.group)
                if start < end and (rule.check is None or rule.check(text[start:end])):
                    yield _Span(start, end, rule.name)


def _lower(text: str) -> str:
    """Lower case without a change of length (one letter, the dotted İ, becomes two)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("İ", "i").lower()


def _windows(lowered: str, rule: Rule) -> Iterator[tuple[int, int]]:
    """Where to try a rule: around each needle, within its line, never the same stretch more than twice."""
    if not rule.needles:
        yield 0, len(lowered)
        return
    for needle in rule.needles:
        at = lowered.find(needle)
        while at >= 0:
            start, end = max(0, at - rule.before), min(len(lowered), at + rule.reach)
            if rule.one_line:
                start = max(start, lowered.rfind("\n", start, at))
                line_end = lowered.find("\n", at, end)
                end = end if line_end < 0 else line_end
            yield max(0, start), end
            # What begins in the first half of a window ends in it; a cut window begins again from its middle.
            following = end if rule.one_line and end < at + rule.reach else at + rule.reach // 2
            at = lowered.find(needle, max(following, at + 1))
