"""What in a text speaks for a hard task, each sign in [0,1]. Pure; reads at most READ_CHARACTERS of a text.

No sign is the text's length: they are shares of its words, or counts of parts that flatten early.
"""

import re
from collections import Counter
from itertools import pairwise

import msgspec

READ_CHARACTERS = 48_000
"""Of a longer text the first two thirds and the last third of so many are read: what is asked, and how it ended."""

# The words by which a sign is told. Each is there for what it asks of a reader (docs/routing.md says why), none for
# what a data set happens to be about.
_WORDS = {
    "negation": """
        not no never none neither nor without cannot don't doesn't didn't isn't aren't wasn't weren't can't won't
        wouldn't shouldn't couldn't hasn't haven't except unless least false incorrect fails failed unable
        nothing hardly""",
    "conditions": """
        if unless whether provided assuming assume suppose otherwise when whenever would should must only until""",
    "causes": """
        because therefore since thus hence so then after before due caused causes cause led leads result results
        consequently why until while finally later eventually""",
    "comparison": """
        more less than greater fewer higher lower larger smaller most worse best worst compared versus vs same different
        rather better equal exceed""",
    "contrast": """
        but however although though despite instead whereas yet nevertheless actually still unlike otherwise""",
    "relations": """
        half twice double triple third quarter times percent each every per remaining rest total left altogether ratio
        average difference both all""",
    "demands": """
        why explain prove proof derive determine calculate compute solve implement design optimize analyze evaluate
        justify algorithm equation function probability complexity deadlock race concurrent invariant tradeoff""",
    "routine": """
        merge bump bumps update updates updated upgrade upgrades release releases typo typos lint format formatting
        reformat rename renamed changelog dependency dependencies deps chore autoupdate lockfile pin pinned renovate
        dependabot whitespace cleanup""",
}
_GROUPS: dict[str, tuple[str, ...]] = {}
for _group, _words in _WORDS.items():
    for _word in _words.split():
        _GROUPS[_word] = (*_GROUPS.get(_word, ()), _group)

# About half of the words of English prose. What holds few of them is no prose, or not in English: a log, a list of
# names, another language. Its words show neither much nor little of a sign that is told by English words.
_PROSE_WORDS = """
    the a an of to in is are was were be been and or that this it its for on with as by at from he she they i you we
    his her their has have had do does did not if but so when which who what how there will can could would should
    all each than then no into about out up because more also only after before"""
_PROSE = frozenset(_PROSE_WORDS.split())

# A sign that is a share of the words: the share at which it is half shown, and the one that is usual in the English of
# exams, issues and commits.
_SHARES = {
    "negation": (0.04, 0.012),
    "conditions": (0.04, 0.01),
    "causes": (0.04, 0.01),
    "comparison": (0.04, 0.01),
    "contrast": (0.04, 0.003),
    "relations": (0.04, 0.01),
    "demands": (0.04, 0.002),
    "routine": (0.04, 0.004),
    "clauses": (0.08, 0.06),
    "entities": (0.04, 0.02),
    "formal": (0.2, 0.04),
}
# A sign that is counted: the number at which it is half shown. The first speaker, reference and file say nothing.
_COUNTS = {"statements": 4, "speakers": 2, "references": 4, "files": 8}

READING = 1
"""The version of how texts are read here; weights fitted to another one are of no use."""

NAMES = (*_SHARES, *_COUNTS)
"""Every sign, in the order in which they are shown."""

# A text of a few words says little by its shares: it is read as if so many words of usual English stood with it. Were
# they words that show nothing, a short text would always seem easier than a long one.
_USUAL_WORDS = 8

_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_NAME = re.compile(r" (?<![\s.!?:] )([A-ZÀ-ÞА-Я][^\W\d_]+)")
_ITEM = re.compile(r"^[ \t]{0,8}(?:[-*•]|\d{1,3}[.)])[ \t]|\([ivx]{1,4}\)", re.MULTILINE)
_ITEM_WORDS = frozenset(("statement", "scenario", "case", "option", "step", "part"))
_REFERENCE = re.compile(r"#\d+|://[^\s/]+/[^\s)>\]]*|[A-Z]-\d+")
_SHA = re.compile(r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}")
_SPEAKER = re.compile(
    r"^[ \t]{0,8}(?:\[[^\]\n]{1,40}\] ?)?[<@]{0,2}([^\W\d][\w.-]{0,30}(?: [A-Z][\w.-]{0,30})?)>?:\s", re.M
)
_CLAUSES = ",;:—，、；"
_FORMAL = "=^<>{}[]()|\\~+"


class Signs(msgspec.Struct, frozen=True):
    """What a text shows: `shown` by name, each in [0,1]; `words`, lower case, each with how often it stands there."""

    shown: dict[str, float]
    words: dict[str, int]


def read(text: str, files: int = 0) -> Signs:
    """Read a text's signs; any text, in time linear in what is read of it."""
    text = bounded(text)
    in_order = _WORD.findall(text.lower().replace("’", "'"))
    words = Counter(in_order)
    found = dict.fromkeys(NAMES, 0)
    for word, count in words.items():
        for group in _GROUPS.get(word, ()):
            found[group] += count
    prose = min(2 * sum(words[word] for word in _PROSE & words.keys()), len(in_order))
    found["clauses"] = sum(map(text.count, _CLAUSES))
    # Several of them are hard to keep apart; one is not.
    found["entities"] = max(len(set(_NAME.findall(text))) - 1, 0)
    found["formal"] = sum(map(text.count, _FORMAL))
    found["statements"] = len(_ITEM.findall(text)) + _numbered(in_order, words)
    found["speakers"] = len(set(_SPEAKER.findall(text))) - 1
    found["references"] = len(set(_REFERENCE.findall(text))) + sum(map(_is_sha, words)) - 1
    found["files"] = files - 1
    # A word of a script that has no spaces between them is about two characters long.
    total = len(in_order) + len(_UNSPACED.findall(text)) // 2
    shown = {
        name: _share(found[name], prose if name in _WORDS and name != "routine" else total, half, usual)
        for name, (half, usual) in _SHARES.items()
    }
    shown.update({name: _half_at(max(found[name], 0), half) for name, half in _COUNTS.items()})
    return Signs(shown, words)


USUAL = {name: usual / (usual + half) for name, (half, usual) in _SHARES.items()}
"""What usual English shows of each share; a text without words shows the same."""


def bounded(text: str) -> str:
    """What is read of a text."""
    if len(text) <= READ_CHARACTERS:
        return text
    last = READ_CHARACTERS // 3
    return f"{text[: READ_CHARACTERS - last]}\n{text[-last:]}"


def _share(number: int, total: int, half: float, usual: float) -> float:
    return _half_at((number + _USUAL_WORDS * usual) / (total + _USUAL_WORDS), half)


def _half_at(value: float, half: float) -> float:
    """0 for nothing, half at `half`, never 1: the tenth of a kind says less than the first."""
    return value / (value + half)


def _numbered(in_order: list[str], words: Counter[str]) -> int:
    """Statement 1, scenario 2, step 3, ..."""
    if words.keys().isdisjoint(_ITEM_WORDS):
        return 0
    return len({pair for pair in pairwise(in_order) if pair[0] in _ITEM_WORDS and pair[1].isdigit()})


def _is_sha(word: str) -> bool:
    return 7 <= len(word) <= 40 and _SHA.fullmatch(word) is not None
