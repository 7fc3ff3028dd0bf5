"""Text to search terms. Pure, and the same for a pattern and for a query: what differs here is never found again."""

import re
import threading
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Any, cast

import snowballstemmer

MAX_TERM_CHARS = 40
"""Longer runs are hashes, base64 and rules drawn with dashes: nobody searches for them, and they fill the index."""

# The last line is what an apostrophe leaves: it's, don't, we'll, I've.
_STOP_WORDS = """
a about after all also am an and any are as at be because been before being but by can could did do does doing done for
from get got had has have having he her here him his how i if in into is it its just may me might more most must my no
nor not now of off on once only or other our out over own please shall she should so some such than that the their them
then there these they this those through to too under until up us very via was we were what when where which while who
whom why will with would you your
s t d ll re ve don doesn didn isn wasn aren won
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

_WORD = re.compile(r"\w+")
_UPPER, _LOWER = "A-ZÀ-ÖØ-Þ", "a-zß-öø-ÿ"
# NameNode, IPv6Address, RMAppImpl: a capital before a small letter begins a part, digits stay with what they follow.
_PART = re.compile(rf"[{_UPPER}]+(?![{_LOWER}])\d*|[{_UPPER}]?[{_LOWER}]+\d*|\d+|[^\W\d_{_UPPER}{_LOWER}]+\d*")
# Scripts written without spaces: any two neighbours make a term.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")

_stemmer = cast(Any, snowballstemmer).stemmer("english")
_stemmer_lock = threading.Lock()


def terms(text: str) -> list[str]:
    """Every term of a text, in order, repeats kept.

    Words are folded (NFKC, case), English stop words dropped and English endings cut. A compound name counts as a whole
    and by its parts: `NameNode` gives namenode, name, node, so that it is found however it is written.
    """
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text)):
        if _UNSPACED.search(word):
            found.extend(_pairs(word))
            continue
        parts = _PART.findall(word) if not word.islower() or "_" in word else ()
        if len(parts) > 1:
            # The whole is cut like any word: somebody will write it as one, in small letters.
            found.extend(term for part in (word, *parts) if (term := _term(part.strip("_").casefold())))
        elif term := _term(word.strip("_").casefold()):
            found.append(term)
    return found


def count(text: str) -> Counter[str]:
    """How often each term stands in a text; `.total()` is the text's length in terms."""
    return Counter(terms(text))


@lru_cache(maxsize=65_536)
def _term(word: str) -> str:
    """The stem, or nothing for a stop word or what is too long to be a word."""
    if not word or word in STOP_WORDS or len(word) > MAX_TERM_CHARS:
        return ""
    with _stemmer_lock:  # one stemmer is not safe to call from several threads
        return _stemmer.stemWord(word)


def _pairs(word: str) -> list[str]:
    found: list[str] = []
    for run in re.findall(rf"{_UNSPACED.pattern}|[^\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+", word):
        if _UNSPACED.match(run):
            found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
        else:
            found.extend(terms(run))
    return found
