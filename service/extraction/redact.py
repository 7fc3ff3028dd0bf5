"""Replace secrets by placeholders of equal length, so that every offset holds. The rules stand in secret_rules/."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import msgspec

from service.extraction.secret_rules.kept import kept_names, kept_rules
from service.extraction.secret_rules.named import named_rules
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


def redact_values(value: Any, name: str = "") -> Any:
    """JSON's values without secrets, and without NUL, which Postgres cannot hold.

    `name` is what a value stands under, by which alone many a secret is known.
    """
    if isinstance(value, str):
        head = f'{name} = "' if name else ""
        whole = redact(f"{head}{value.replace(chr(0), chr(0xFFFD))}" + ('"' if name else "")).text
        return redact(whole[len(head) : len(head) + len(value)]).text
    if isinstance(value, list | tuple):  # a struct's tuple stays one among the builtins
        items = cast("list[Any]", value)
        return [redact_values(item, name) for item in items]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {redact_values(key): redact_values(item, key) for key, item in members.items()}
    return value


def _hides_something(text: str, span: _Span) -> bool:
    return any(c != PLACEHOLDER and c not in "\r\n" for c in text[span.start : span.end])


def _hide(text: str, spans: list[_Span], counts: dict[str, int]) -> str:
    """Hide the union of `spans`; each place counts once, for the rule that begins first, then the one tried first."""
    pieces: list[str] = []
    done = 0
    order = _searches().order
    for span in sorted(spans, key=lambda span: (span.start, order[span.rule])):
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


class _Searches(msgspec.Struct, frozen=True):
    """The rules arranged for one pass over a text: those to try on all of it, and those to try around each needle."""

    everywhere: tuple[Rule, ...]
    any_case: tuple[str, ...]
    exact: tuple[str, ...]
    around: dict[str, tuple[tuple[Rule, ...], ...]]
    order: dict[str, int]


@cache
def _searches() -> _Searches:
    rules = (*kept_rules(), *named_rules(kept_names()), *own_rules())
    # Rules that look at the same stretch around the same needle stand together, so that it is found once for all.
    around: dict[str, dict[tuple[int, int, bool], list[Rule]]] = {}
    for rule in rules:
        for needle in rule.needles:
            alike = around.setdefault(needle, {}).setdefault((rule.before, rule.reach, rule.one_line), [])
            alike.append(rule)
    return _Searches(
        everywhere=tuple(rule for rule in rules if not rule.needles),
        any_case=tuple(needle for needle in around if needle == needle.lower()),
        exact=tuple(needle for needle in around if needle != needle.lower()),
        around={needle: tuple(map(tuple, groups.values())) for needle, groups in around.items()},
        order={name: rank for rank, name in enumerate(dict.fromkeys(("private_key", *(rule.name for rule in rules))))},
    )


def _spans(text: str) -> Iterator[_Span]:
    lowered = _lower(text)
    searches = _searches()
    for start, end in private_key_blocks(text):
        yield _Span(start, end, "private_key")
    for rule in searches.everywhere:
        yield from _matches(text, rule, 0, len(text))
    for searched, needles in ((lowered, searches.any_case), (text, searches.exact)):
        for needle in needles:
            if needle in searched:
                for group in searches.around[needle]:
                    for start, end in _windows(searched, needle, group[0]):
                        for rule in group:
                            yield from _matches(text, rule, start, end)


def _matches(text: str, rule: Rule, start: int, end: int) -> Iterator[_Span]:
    for match in rule.pattern.finditer(text, start, end):
        first, last = match.span(rule.group)
        if first < last and (rule.check is None or rule.check(text[first:last])):
            yield _Span(first, last, rule.name)


def _lower(text: str) -> str:
    """Lower case without a change of length (one letter, the dotted İ, becomes two)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("İ", "i").lower()


def _windows(searched: str, needle: str, rule: Rule) -> Iterator[tuple[int, int]]:
    """Where to try a rule: around each needle, within its line if it is of one, no stretch more than twice."""
    at = searched.find(needle)
    while at >= 0:
        start, end = max(0, at - rule.before), min(len(searched), at + rule.reach)
        following = at + rule.reach // 2  # what begins in the first half of a window is taken to end in it
        if rule.one_line:
            start = max(start, searched.rfind("\n", start, at))
            line_end = searched.find("\n", at, end)
            if line_end >= 0:
                end = following = line_end
        yield start, end
        at = searched.find(needle, max(following, at + 1))
