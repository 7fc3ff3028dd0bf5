"""What in a text speaks for a hard task, each sign in [0,1]. Pure; reads at most READ_CHARACTERS of a text.

No sign is the text's length: they are shares of its words, or counts of parts that flatten early.
"""

import re
from collections import Counter

import msgspec

READ_CHARACTERS = 48_000
"""Of a longer text the first two thirds and the last third of so many are read: what is asked, and how it ended."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SCRIPT_WITHOUT_SPACES = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_NAME = re.compile(r"(?<=[^\W\d_A-Z][ ,;])[A-Z][a-z']+|(?<=[,;] )[A-Z][a-z']+")
_NUMBERED = re.compile(
    r"\b(?:statement|scenario|case|option|step|part) \d|^\s*(?:[-*•]|\d+[.)])\s|\([ivx]+\)", re.I | re.M
)
_REFERENCE = re.compile(r"(?<!\w)#\d+|\b[A-Z][A-Z0-9]+-\d+\b|https?://|\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b")
_SPEAKER = re.compile(
    r"^\s*(?:\[[^\]\n]{1,40}\]\s*)?<?@?([^\W\d][\w.-]{0,30}(?: [A-Z][\w.-]{0,30})?)>?\s?(?:\([^)\n]{0,40}\))?:\s", re.M
)
_FORMAL = re.compile(r"[=^<>{}\[\]|\\~*+/_]|\w\(|\)\.")

_WORDS = {
    "negation": "not no never none neither nor without cannot don't doesn't didn't isn't aren't wasn't weren't can't won't "
    "wouldn't shouldn't couldn't hasn't haven't except unless least false incorrect fails failed unable nothing hardly",
    "conditions": "if unless whether provided assuming assume suppose otherwise when whenever would should must only until",
    "causes": "because therefore since thus hence so then after before due caused causes cause led leads result results "
    "consequently why until while finally later eventually",
    "comparison": "more less than greater fewer higher lower larger smaller most worse best worst compared versus vs same "
    "different rather better equal exceed",
    "contrast": "but however although though despite instead whereas yet nevertheless actually still unlike otherwise",
    "relations": "half twice double triple third quarter times percent each every per remaining rest total left altogether "
    "ratio average difference both all",
}
_GROUPS: dict[str, tuple[str, ...]] = {}
for _group, _words in _WORDS.items():
    for _word in _words.split():
        _GROUPS[_word] = (*_GROUPS.get(_word, ()), _group)

NAMES = (*_WORDS, "clauses", "entities", "formal", "statements", "speakers", "references", "files")
"""Every sign, in the order in which they are shown."""

# A text of a few words says little by its shares: it is read as if so many words that say nothing stood with it.
_SILENT_WORDS = 20


class Signs(msgspec.Struct, frozen=True):
    """What a text shows: `shown` by name, each in [0,1]; `words` are those that were read, lower case, in order."""

    shown: dict[str, float]
    words: list[str]


def read(text: str, files: int = 0) -> Signs:
    """Read a text's signs; any text, in time linear in what is read of it."""
    text = bounded(text)
    words = _WORD.findall(text.lower().replace("’", "'"))
    unspaced = len(_SCRIPT_WITHOUT_SPACES.findall(text))
    total = len(words) + unspaced // 2 + _SILENT_WORDS
    counts = dict.fromkeys(_WORDS, 0)
    for word, count in Counter(words).items():
        for group in _GROUPS.get(word, ()):
            counts[group] += count
    # The share of words at which a sign is half of what it can be: about twice what is usual in technical English.
    shown = {group: _half_at(count / total, 0.04) for group, count in counts.items()}
    shown["clauses"] = _half_at(sum(map(text.count, ",;:—，、；")) / total, 0.08)
    shown["entities"] = _half_at(len(set(_NAME.findall(text))) / total, 0.04)
    shown["formal"] = _half_at(len(_FORMAL.findall(text)) / total, 0.2)
    shown["statements"] = _half_at(len(_NUMBERED.findall(text)), 4)
    shown["speakers"] = _half_at(max(len(set(_SPEAKER.findall(text))) - 1, 0), 2)
    shown["references"] = _half_at(max(len(set(_REFERENCE.findall(text))) - 1, 0), 4)
    shown["files"] = _half_at(max(files - 1, 0), 8)
    return Signs(shown, words)


def bounded(text: str) -> str:
    """What is read of a text."""
    if len(text) <= READ_CHARACTERS:
        return text
    last = READ_CHARACTERS // 3
    return f"{text[: READ_CHARACTERS - last]}\n{text[-last:]}"


def _half_at(value: float, half: float) -> float:
    """0 for nothing, half at `half`, never 1: the tenth of a kind says less than the first."""
    return value / (value + half)
