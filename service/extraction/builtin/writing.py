"""Writes a chosen group down as a pattern: name, type, description, content, tags, scope, confidence, evidence."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from service.extraction.builtin import naming, saying
from service.extraction.builtin.groups import Group
from service.extraction.builtin.quoting import quote
from service.extraction.builtin.reading import WIDE_CHANGE, History, Read
from service.extraction.builtin.taxonomy import type_of
from service.extraction.builtin.wording import GENERIC_STEMS, STOP_STEMS, commit_type, stems
from service.extraction.pattern import Content, ExtractedPattern

MOST_QUOTES = 200
"""Every change that shows a pattern is quoted, up to more than anybody would read."""
_ONE_WORD = 0.6
_SHORT_BODY = 4


class Draft(msgspec.Struct, frozen=True):
    """A group with the name and typical members found for it."""

    group: Group
    name: str
    typical: tuple[int, ...]
    phrases: tuple[naming.Phrase, ...]


def confidence(likeness: float, sources: int) -> float:
    """In [0,1]: how likely real and right.

    1 - e^(-sources/8) says how often it recurs (three sources .31, ten .71, twenty .92); `likeness` in [0,1], how alike
    the members are. Their weighted geometric mean, .4 to .6, times .95: no extractor of words is surer than that.
    """
    recurs = 1 - math.exp(-sources / 8)
    return round(0.95 * recurs**0.4 * min(1.0, max(0.0, likeness)) ** 0.6, 3)


class Commonness(msgspec.Struct, frozen=True):
    """How common each headline stem is: its share of all headlines, and its rarity (scaled idf) in [0,1]."""

    share: Mapping[str, float]
    rarity: Mapping[str, float]


def commonness_of(history: History) -> Commonness:
    """Count the stems of all headlines."""
    size = len(history.reads)
    counted = Counter(word for item in history.reads for word in set(item.subject_stems))
    return Commonness(
        share={word: n / size for word, n in counted.items()},
        rarity={word: math.log(1 + size / n) / math.log(1 + size) for word, n in counted.items()},
    )


def draft(history: History, group: Group, common: Commonness) -> Draft | None:
    """Find the group's name; None if its headlines share no words to name it by."""
    reads = [history.reads[at] for at in group.members]
    phrases = naming.shared_phrases(reads, common.rarity)
    name = _name(group, reads, phrases, common)
    if name is None:
        return None
    typical = tuple(sorted(group.members, key=lambda at: (-_typical(history.reads[at], group.closeness[at]), at)))
    return Draft(group=group, name=naming.short(name), typical=typical, phrases=tuple(phrases[:12]))


def _name(group: Group, reads: Sequence[Read], phrases: Sequence[naming.Phrase], common: Commonness) -> str | None:
    if group.seed.practice is not None:
        return group.seed.practice.name
    anchor = group.seed.anchor_stems
    head = naming.head_phrase(phrases, anchor, len(reads))
    if head is None:
        subject = naming.typical_subject(reads, anchor) if group.cohesion >= 0.75 else None
        return naming.sentence_case(subject) if subject else None
    verb, share = naming.verb_share(reads, [_verb(item) for item in reads])
    name = naming.with_verb(verb, share, head)
    if len(head.inner) > 1 or name != naming.sentence_case(naming.spoken(head)):
        return name
    more = naming.dwells_on(phrases, head, len(reads), common.share)
    if more:
        return f"{name}: {naming.listing(more)}"
    # One word alone names a group only if the group is of one mind.
    return name if group.cohesion >= _ONE_WORD else None


def _verb(item: Read) -> str | None:
    return naming.opening_verb(item.subject, commit_type(item.interaction.message))


def _typical(item: Read, closeness: float) -> float:
    """Near the others, and saying something: very short headlines show little."""
    words = len(item.subject_stems)
    return closeness * min(1.0, 0.55 + 0.12 * words) - (0.15 if len(item.subject) > 90 else 0.0)


def write(history: History, one: Draft, name: str) -> ExtractedPattern:
    """The pattern itself; `name` is the draft's, made unique by the caller."""
    group = one.group
    reads = [history.reads[at] for at in group.members]
    scope = _scope(reads)
    practice = group.seed.practice
    return ExtractedPattern(
        key=key_of(group.seed.view, group.seed.anchor),
        name=name,
        pattern_type=practice.pattern_type if practice else type_of(name, reads),
        description=_description(history, one, scope),
        content=_content(history, one),
        tags=_tags(one),
        scope=scope,
        confidence=confidence(
            group.cohesion * (1.15 if history.meant[list(group.members)].all() else 1.0), group.sources
        ),
        members=tuple((item.interaction.external_key, item.interaction.revision) for item in reads),
        evidence=tuple(
            quote(history.reads[at].interaction, history.reads[at].start, history.reads[at].end)
            for at in one.typical[:MOST_QUOTES]
        ),
    )


def key_of(view: str, anchor: str) -> str:
    """The pattern's identity: the view that proposed it and the word, practice or oldest members that anchor it."""
    return f"{view}:{hashlib.sha256(anchor.encode()).hexdigest()[:20]}"


def _description(history: History, one: Draft, scope: Sequence[str]) -> str:
    group = one.group
    reads = [history.reads[at] for at in group.members]
    first, last = reads[0].interaction.occurred_at, reads[-1].interaction.occurred_at
    span = (
        f"{first:%B %Y} to {last:%B %Y}"
        if (first.year, first.month) != (last.year, last.month)
        else f"in {first:%B %Y}"
    )
    words = naming.about(one.phrases)
    where = f", mostly in {naming.listing(list(scope[:3]))}" if scope else ""
    about = f" about {naming.listing(words)}" if words else ""
    shown = distinct([naming.short(history.reads[at].subject, 100) for at in one.typical[:6]])[:3]
    return (
        f"{group.sources} independent changes ({span}){about}{where}. "
        f"For instance: {'; '.join(f'“{text}”' for text in shown)}."
    )


def distinct(texts: Sequence[str]) -> list[str]:
    """The texts in order, each once, whatever its case."""
    seen: set[str] = set()
    kept: list[str] = []
    for text in texts:
        folded = text.casefold()
        if folded not in seen:
            seen.add(folded)
            kept.append(text)
    return kept


def _content(history: History, one: Draft) -> Content:
    """Problem, solution and recommendations as the sources put them; empty where they do not."""
    problem = solution = ""
    recommended: list[str] = []
    practice = one.group.seed.practice
    words = practice.words if practice else None
    # Long bodies, and those under a headline about something else, speak of other things too.
    theme = {word for phrase in one.phrases[:6] for word in phrase.inner} | set(one.group.seed.anchor_stems)
    for at in one.typical[: max(10, len(one.typical) * 2 // 3)]:
        item = history.reads[at]
        told = saying.body_sentences(item.interaction, item.end)
        if len(told) > _SHORT_BODY or not theme & set(item.subject_stems):
            told = [said for said in told if theme & set(stems(said.text)) or (words and words.search(said.text))]
        trouble, answer = saying.problem_in(told), saying.solution_in(told)
        if trouble is not None and not solution:
            # A problem with the answer that its own source gives replaces one without; answers are never mixed.
            answered = answer is not None and answer != trouble
            if answered or not problem:
                problem = trouble.text
                solution = answer.text if answer is not None and answered else ""
        recommended.extend(said.text for said in saying.recommendations_in(told))
    return Content(problem=problem, solution=solution, recommendations=tuple(distinct(recommended)[:5]))


def _tags(one: Draft) -> tuple[str, ...]:
    words = [word for phrase in one.phrases for word in phrase.stems]
    kept = [p.surface.lower() for p in one.phrases if len(p.stems) == 1 and len(p.surface) > 2]
    kept = [text for text in kept if text not in GENERIC_STEMS] or [
        w for w in words if w not in STOP_STEMS | GENERIC_STEMS
    ]
    return tuple(distinct(kept)[:5])


def _scope(reads: Sequence[Read]) -> tuple[str, ...]:
    """Path globs where at least 60 % of the changes with known paths touch; the deepest that hold, at most three."""
    with_paths = [item for item in reads if item.paths and len(item.paths) <= WIDE_CHANGE]
    if len(with_paths) < 3:
        return ()
    counted: Counter[str] = Counter()
    for item in with_paths:
        prefixes: set[str] = set()
        for path in item.paths:
            prefixes.add(path)
            pieces = path.split("/")[:-1]
            prefixes.update("/".join(pieces[:depth]) + "/**" for depth in range(1, len(pieces) + 1))
        counted.update(prefixes)
    enough = [glob for glob, n in counted.items() if n >= 0.6 * len(with_paths)]
    deepest = [glob for glob in enough if not any(_within(other, glob) for other in enough if other != glob)]
    return tuple(sorted(deepest, key=lambda glob: (-counted[glob], glob))[:3])


def _within(inner: str, outer: str) -> bool:
    return outer.endswith("/**") and re.sub(r"/\*\*$", "/", inner).startswith(outer[:-2])
