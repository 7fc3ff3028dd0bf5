"""Private keys as blocks: from the first line to the last, also when either is cut off. Linear in the text."""

import re
import string
from bisect import bisect_left
from collections.abc import Iterator

_FIRST_LINE = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|PuTTY-User-Key-File-\d")
_LAST_LINE = re.compile(r"-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-MAC: ?[0-9a-f]*")
# A line of a key's body: base64, its headers or nothing, behind a diff's or a quotation's mark, in quotes.
_BODY_LINE = re.compile(
    r"[-+> \t\"'*#]{0,40}(?:[A-Za-z0-9+/=\\]{8,}|[A-Za-z-]{3,30}: [^\n]{0,100}|=[\w+/]{4}|)[\"',+\\ \t]{0,8}\r?"
)
_BODY_CHARACTERS = string.ascii_letters + string.digits + "+/=\\"
_LONGEST = 20_000
"""Characters of one block; a 16,384-bit RSA key takes about 12,500."""


def private_key_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Spans of private keys, first line and last line included."""
    if "PRIVATE KEY" not in text and "PuTTY-User-Key" not in text:
        return
    firsts = [match.span() for match in _FIRST_LINE.finditer(text)]
    lasts = [match.span() for match in _LAST_LINE.finditer(text)]
    done = 0
    for index, (first_start, first_end) in enumerate(firsts):
        next_first = firsts[index + 1][0] if index + 1 < len(firsts) else len(text)
        at = bisect_left(lasts, (first_end, first_end))
        if at < len(lasts) and lasts[at][1] <= min(next_first, first_end + _LONGEST):
            done = lasts[at][1]
        else:
            done = _body_end(text, first_end)
        yield first_start, done
    floor = 0
    for last_start, last_end in lasts:
        start = _body_start(text, last_start, floor)
        if start < last_start:
            yield start, last_end
        floor = last_end


def _body_end(text: str, start: int) -> int:
    """Where a key without a last line ends."""
    line_end = text.find("\n", start)
    # Written on one line with \n in it: to the end of its line or its quotes.
    rest = text[start : min(start + _LONGEST, line_end if line_end >= 0 else len(text))]
    at = start + len(rest) - len(rest.lstrip(_BODY_CHARACTERS))
    while 0 <= line_end < min(len(text), start + _LONGEST):
        following = text.find("\n", line_end + 1)
        stop = len(text) if following < 0 else following
        if stop - line_end > 200 or not _BODY_LINE.fullmatch(text, line_end + 1, stop):
            break
        at, line_end = stop, following
    return at


def _body_start(text: str, end: int, floor: int) -> int:
    """Where a key without a first line begins: walks up while the lines look like a key's body."""
    start = text.rfind("\n", floor, end) + 1
    at = end
    while start > floor and end - start < _LONGEST:
        above = text.rfind("\n", floor, start - 1)
        line_start = above + 1 if above >= 0 else floor
        if (
            start - line_start > 200
            or start - 1 - line_start < 8
            or not _BODY_LINE.fullmatch(text, line_start, start - 1)
        ):
            break
        at = start = line_start
    return at
