"""Shorten a text where no secret can be halved. Pure."""

import re

_LONGEST_TOKEN = 512
"""Characters; no token that `redact` knows by its shape alone is likely to be longer."""


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending with a line or, in a long line, between tokens.

    Half a secret would no longer be known as one, so what is cut into goes as a whole.
    """
    if len(text) <= limit:
        return text
    head = text[: max(0, limit)]
    if text[len(head)] == "\n":
        return head
    line_end = head.rfind("\n", max(0, len(head) - 2 * _LONGEST_TOKEN))
    if line_end > 0:
        return head[:line_end]
    tail = head[-_LONGEST_TOKEN:]
    return (head[: len(head) - len(tail)] + re.sub(r"\S+\Z", "", tail)).rstrip()
