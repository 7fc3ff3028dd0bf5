"""Names a group in the words of its own headlines: the phrase they share, the verb they share, what they dwell on."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from service.extraction.builtin.reading import Read
from service.extraction.builtin.wording import GENERIC_STEMS, STOP_STEMS, Token, after_component, parts, stem, tokens

LONGEST_NAME = 80

# The verb that opens a headline, folded: what kind of change it was.
_VERBS = {
    "Fix": "fix fixed fixes fixing repair correct solve resolve bugfix",
    "Add": "add added adds adding allow introduce implement support new create",
    "Remove": "remove removed removes removing delete drop dropped",
    "Rename": "rename renamed renames renaming",
    "Document": "document documented docs doc documentation",
    "Test": "test tests testing tested",
    "Refactor": "refactor refactored refactoring rework rewrite simplify clean",
    "Improve": "improve improved improves improving",
    "Upgrade": "upgrade bump",
    "Update": "update updated updates updating",
    "Move": "move moved moving",
    "Deprecate": "deprecate deprecated",
}
VERB_OF = {word: verb for verb, words in _VERBS.items() for word in words.split()}


_BENT = frozenset(word for word in VERB_OF if word.endswith(("ed", "es", "ing", "s")) and word not in ("tests", "docs"))


class Phrase(msgspec.Struct, frozen=True):
    """Neighbouring words that several headlines share; `support` is how many do, `inner` has the words inside too."""

    stems: tuple[str, ...]
    surface: str
    support: int

    @property
    def inner(self) -> frozenset[str]:
        """Content stems, those inside identifiers included."""
        return frozenset(word for word in (*self.stems, *parts(self.surface)) if word not in STOP_STEMS)


def opening_verb(subject: str, prefix_type: str | None) -> str | None:
    """What kind of change a headline announces: `Fix`, `Add`, ...; the conventional-commit type counts too."""
    if prefix_type in ("fix", "bugfix", "hotfix", "bug"):
        return "Fix"
    rest = after_component(subject)
    words = tokens(rest)
    return VERB_OF.get(rest[words[0].start : words[0].end].lower()) if words else None


def shared_phrases(reads: Sequence[Read], rarity: Mapping[str, float], *, longest: int = 5) -> list[Phrase]:
    """Phrases that at least three headlines share, best first: frequent, long, and rare elsewhere.

    `rarity`: stem -> inverse document frequency in the whole history, in [0,1].
    """
    support: dict[tuple[str, ...], set[int]] = defaultdict(set)
    surfaces: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for at, item in enumerate(reads):
        subject = item.subject
        words = tokens(subject)
        for start, _ in enumerate(words):
            for stop in range(start + 1, min(len(words), start + longest) + 1):
                gram = words[start:stop]
                if not _is_phrase(gram, subject):
                    continue
                key = tuple(token.stem for token in gram)
                support[key].add(at)
                surfaces[key][subject[gram[0].start : gram[-1].end]] += 1
    found: list[tuple[float, Phrase]] = []
    for key, rows in support.items():
        if len(rows) < 3 or not any(_telling(word) for word in key):
            continue
        content = sum(
            rarity.get(word, 1.0) * (1.0 if _telling(word) else 0.35) for word in key if word not in STOP_STEMS
        )
        score = len(rows) / len(reads) * content
        found.append((score, Phrase(key, _commonest(surfaces[key]), len(rows))))
    return [phrase for _, phrase in sorted(found, key=lambda pair: (-pair[0], pair[1].stems))]


def _telling(word: str) -> bool:
    return word not in GENERIC_STEMS and word not in STOP_STEMS and len(word) > 1


def _is_phrase(gram: Sequence[Token], subject: str) -> bool:
    """Ends are content words, and nothing but blanks, hyphens or quotes stands between the words."""
    if gram[0].stem in STOP_STEMS or gram[-1].stem in STOP_STEMS:
        return False
    return all(_joined(subject, left, right) for left, right in pairwise(gram))


def _joined(subject: str, left: Token, right: Token) -> bool:
    between = subject[left.end : right.start]
    return right.start >= left.end and (between == "." or not between.strip(" -_'\"`’“”/"))


def _commonest(surfaces: Counter[str]) -> str:
    """The most frequent spelling; among equals one in lower case, then the alphabetically first."""
    return min(surfaces, key=lambda text: (-surfaces[text], sum(c.isupper() for c in text), text))


def spoken(phrase: Phrase) -> str:
    """A phrase as people say it: a lone `wrap_query_exceptions` becomes three words, a longer name stays one."""
    text = phrase.surface
    if re.fullmatch(r"[a-z]+(?:_[a-z]+){1,2}", text):
        return text.replace("_", " ")
    return text


def sentence_case(text: str) -> str:
    """First letter upper case unless the word is an identifier (`run_worker`, `psycopg2`)."""
    first = text.split(" ", 1)[0]
    is_identifier = any(c in "-_.()`/" or c.isdigit() for c in first) or not (first.islower() or first.isupper())
    return text if is_identifier or not text else text[0].upper() + text[1:]


def short(text: str, limit: int = LONGEST_NAME) -> str:
    """At most `limit` characters, cut between words."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"


def verb_share(reads: Sequence[Read], verbs: Sequence[str | None]) -> tuple[str | None, float]:
    """The commonest opening verb and its share."""
    counted = Counter(verb for verb in verbs if verb)
    if not counted or not reads:
        return None, 0.0
    verb = min(counted, key=lambda name: (-counted[name], name))
    return verb, counted[verb] / len(reads)


def with_verb(verb: str | None, share: float, phrase: Phrase) -> str:
    """`Fix` + phrase where most headlines fix; the phrase alone where they do this and that."""
    surface = spoken(phrase)
    first, _, rest = surface.partition(" ")
    if first.lower() in VERB_OF and rest:
        return f"{VERB_OF[first.lower()]} {rest}" if first.lower() in _BENT else sentence_case(surface)
    opens_with_verb = phrase.stems[0] in {stem(word) for word in VERB_OF} or VERB_OF.get(surface.split(" ")[0].lower())
    plain_add = verb == "Add" and len(phrase.inner) == 1  # "Add priority" says less than "Priority: ..."
    if verb and share >= 0.5 and not opens_with_verb and not plain_add:
        lowered = surface if not surface.split(" ")[0].istitle() else surface[0].lower() + surface[1:]
        return f"{verb} {lowered}"
    return sentence_case(surface)


def head_phrase(phrases: Sequence[Phrase], anchor: Sequence[str], size: int) -> Phrase | None:
    """The phrase to name a group by: it holds the anchor, and enough headlines share it; longer is better."""
    best: Phrase | None = None
    best_worth = 0.0
    for phrase in phrases:
        inner = phrase.inner
        if not set(anchor) <= inner or phrase.support < max(3, 0.15 * size):
            continue
        told = sum(_telling(word) for word in phrase.stems)
        plain = sum(word not in STOP_STEMS for word in phrase.stems) - told
        worth = phrase.support / size * (1 + 0.8 * (told - 1) + 0.4 * plain)
        if worth > best_worth:
            best, best_worth = phrase, worth
    return best


def typical_subject(reads: Sequence[Read], anchor: Sequence[str]) -> str | None:
    """A short headline whose words most others share too; None if every headline goes its own way."""
    counted = Counter(word for item in reads for word in set(item.subject_stems))
    best: str | None = None
    best_worth = 0.0
    for item in reads:
        content = {word for word in item.subject_stems if word not in STOP_STEMS}
        if not content or len(item.subject) > 60 or not set(anchor) <= content:
            continue
        common = sum(counted[word] / len(reads) for word in content) / len(content)
        if common > best_worth:
            best, best_worth = item.subject, common
    return best if best_worth >= 0.6 else None


def dwells_on(
    phrases: Sequence[Phrase], head: Phrase, size: int, share: Mapping[str, float], *, most: int = 3
) -> list[str]:
    """What else the headlines speak of: up to three further words, at least 2.5 times as common here as elsewhere.

    `share`: stem -> share of all headlines that have it.
    """
    used = [word for word in head.stems if word not in STOP_STEMS]
    found: list[str] = []
    for phrase in phrases:
        content = [word for word in phrase.stems if word not in STOP_STEMS]
        if len(content) > 2 or phrase.support < max(3, 0.1 * size) or not all(_telling(word) for word in content):
            continue
        lift = phrase.support / size / max(1e-9, *(share.get(word, 0.0) for word in content))
        if lift < 2.5 or any(_kin(word, other) for word in content for other in used):
            continue
        used.extend(content)
        found.append(phrase.surface)
        if len(found) == most:
            break
    return found


def about(phrases: Sequence[Phrase], *, most: int = 3) -> list[str]:
    """Up to three phrases that share no word with each other, verbs of change left out."""
    used: set[str] = set()
    found: list[str] = []
    for phrase in phrases:
        content = {word for word in phrase.stems if word not in STOP_STEMS}
        if content & used or not all(_telling(word) for word in content):
            continue
        used |= content
        found.append(phrase.surface)
        if len(found) == most:
            break
    return found


def _kin(word: str, other: str) -> bool:
    """One word inside the other, or the same beginning: `wrap` and `wrap_exceptions`, `psycopg` and `psycopg2`."""
    return word in other or other in word or (len(word) > 5 and word[:5] == other[:5])


def listing(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
