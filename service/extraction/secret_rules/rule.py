"""The shape of one rule, and the second looks that tell a secret from a word in its place."""

import re
from collections.abc import Callable

import msgspec

PLACEHOLDER = "█"
"""One hidden character. No pattern takes it for a part of a token, and a tokenizer takes a run of it for one word."""


class Rule(msgspec.Struct, frozen=True):
    """One kind of secret.

    `needles`: literals, one of which stands in every match; with capitals where the pattern insists on them, else in
    lower case for any. The pattern is tried only around them, from `before` characters ahead to `reach` after, which
    bounds what a slow pattern can cost. No needles: it is tried on the whole text and must take linear time.
    `one_line`: no match crosses a line's end. `group`: what is replaced.
    """

    name: str
    pattern: re.Pattern[str]
    needles: tuple[str, ...] = ()
    group: int = 0
    before: int = 80
    reach: int = 600
    one_line: bool = True
    check: Callable[[str], bool] | None = None


_STANDS_FOR_A_VALUE = re.compile(r"\$\{?\w+\}?|\$[({].*|%\(\w+\)s|%\w+%?|\{.*\}\}?|<.*>|\[.*\]|\(.*\)|@\w+@", re.DOTALL)


def is_value(value: str) -> bool:
    """A value, not something that stands for one: `{x}`, `<x>`, `$X`, `%(x)s`, `xxxx`, or what is redacted already."""
    value = value.strip()
    if not any(c.isalnum() for c in value) or PLACEHOLDER in value:
        return False
    return len(set(value)) > 2 and not _STANDS_FOR_A_VALUE.fullmatch(value)


def has_digit_and_letter(value: str) -> bool:
    """Not a plain word and not a plain number."""
    return is_value(value) and any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def is_mixed(value: str) -> bool:
    """Upper case, lower case and digits, as random base64 has and a commit's sha never does."""
    return any(c.isdigit() for c in value) and any(c.isupper() for c in value) and any(c.islower() for c in value)
