"""Tell a conversation from a document, and write one given as JSON lines as turns of speech. Pure."""

import json
import re
from collections import Counter
from typing import cast

# "Ada: ...", "Ada Lovelace [10:32]: ...", "[10:32] Ada: ...", "**Ada**: ...", "<ada> ...".
_TURN = re.compile(
    r"^(?:\[[^\]\n]{1,40}\][ \t]*|\(?\d{1,2}:\d{2}(?::\d{2})?\)?[ \t]+)?"
    r"(?:<(?P<irc>[^\s<>]{1,40})>[ \t]+\S"
    r"|[*_]{0,2}@?(?P<name>[^\W\d_][\w.'-]{0,30}(?:[ ][\w.'-]{1,30}){0,2})[*_]{0,2}"
    r"(?:[ \t]{0,4}[\[(][^\])\n]{1,40}[\])])?:[*_]{0,2}[ \t]+\S)",
    re.MULTILINE,
)
_SPEAKERS = ("author", "speaker", "user", "from", "name", "role", "username")
_WORDS = ("text", "message", "content", "body")


def looks_like_conversation(text: str) -> bool:
    """True when the lines begin with speakers who answer each other.

    At least four turns by two speakers or more, two of whom come back, and on average a turn every four lines: labels
    ("Note:", "Usage:", "Fixes:") seldom come back in turns.
    """
    speakers = [(match["irc"] or match["name"]).casefold() for match in _TURN.finditer(text)]
    lines = sum(1 for line in text.splitlines() if line.strip())
    returning = [speaker for speaker, turns in Counter(speakers).items() if turns > 1]
    return len(speakers) >= 4 and len(returning) >= 2 and 4 * len(speakers) >= lines


def turns_of_json(text: str) -> str | None:
    """ "speaker: words" a line if `text` is JSON objects with a speaker and words, else None.

    They may stand one a line, in an array, or in an array under "messages".
    """
    turns: list[str] = []
    for loaded in _objects(text):
        if not isinstance(loaded, dict):
            return None
        turn = cast(dict[str, object], loaded)
        speaker, words = _first(turn, _SPEAKERS), _first(turn, _WORDS)
        if speaker is None or words is None:
            return None
        turns.append(f"{speaker}: {words.strip()}")
    # A lone surrogate may stand in JSON, but in no text that is stored.
    return "\n".join(turns).encode(errors="replace").decode() if turns else None


def _objects(text: str) -> list[object]:
    """What JSON there is: the elements of one array, or one value a line; [None] where it is not JSON."""
    if text.lstrip()[:1] not in ("{", "["):
        return [None]
    try:
        whole: object = json.loads(text)
    except (ValueError, RecursionError):
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            return [None]
    if isinstance(whole, dict):
        members = cast(dict[str, object], whole)
        whole = members.get("messages", [members])
    return cast(list[object], whole) if isinstance(whole, list) else [None]


def _first(turn: dict[str, object], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := turn.get(name), str) and value.strip()), None)
