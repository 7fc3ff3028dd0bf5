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
from service.extraction.builtin.wording import GENERIC_STEMS, STOP_STEMS, commit_type
from service.extraction.pattern import Content, ExtractedPattern

MOST_QUOTES = 20


class Draft(msgspec.Struct, frozen=True):
    """A group with the name and typical members found for it."""

    group: Group
    name: str
    typical: tuple[int, ...]
    phrases: tuple[naming.Phrase, ...]


def confidence(cohesion: float, sources: int) -> float:
    """In [0,1]: how likely real and right.

    1 - e^(-sources/6) says how often it recurs (three sources .39, ten .81); cohesion (leave-one-out cosine) says how
    alike. Their weighted geometric mean, .4 to .6, capped at .9: no extractor of words is surer than that.
    """
    recurs = 1 - math.exp(-sources / 6)
    alike = min(1.0, max(0.0, cohesion) / 0.8)
    return round(min(0.9, recurs**0.4 * alike**0.6), 3)


def rarity_of(history: History) -> dict[str, float]:
    """Inverse document frequency of each headline stem, scaled to [0,1]."""
    counted = Counter(word for item in history.reads for word in set(item.subject_stems))
    top = math.log(1 + len(history.reads))
    return {word: math.log(1 + len(history.reads) / n) / top for word, n in counted.items()}


def draft(history: History, group: Group, rarity: Mapping[str, float]) -> Draft | None:
    """Find the group's name; None if its headlines share no words to name it by."""
    reads = [history.reads[at] for at in group.members]
    phrases = naming.shared_phrases(reads, rarity)
    verb, share = naming.verb_share(reads, [_verb(item) for item in reads])
    if group.seed.practice is not None:
        name = group.seed.practice.name
        taken = [part for phrase in phrases[:1] for part in phrase.stems]
    else:
        anchored = (
            [p for p in phrases if set(group.seed.anchor_stems) <= set(p.stems)] if group.seed.anchor_stems else phrases
        )
        best = anchored[0] if anchored else None
        if best is None or best.support < max(3, 0.2 * len(reads)):
            return None
        name = naming.with_verb(verb, share, best)
        taken = list(best.stems)
        if len([word for word in best.stems if word not in STOP_STEMS]) == 1:
            more = naming.dwells_on(phrases, taken, len(reads))
            if more:
                name = f"{name}: {naming.listing(more)}"
    typical = tuple(sorted(group.members, key=lambda at: (-_typical(history.reads[at], group.closeness[at]), at)))
    return Draft(group=group, name=naming.short(name), typical=typical, phrases=tuple(phrases[:8]))


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
        confidence=confidence(group.cohesion, group.sources),
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
    words = [phrase.surface for phrase in one.phrases[:3]]
    where = f", mostly in {naming.listing(list(scope[:3]))}" if scope else ""
    about = f" about {naming.listing(_distinct(words))}" if words else ""
    shown = _distinct([naming.short(history.reads[at].subject, 100) for at in one.typical[:6]])[:3]
    return (
        f"{group.sources} independent changes ({span}){about}{where}. "
        f"For instance: {'; '.join(f'“{text}”' for text in shown)}."
    )


def _distinct(texts: Sequence[str]) -> list[str]:
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
    for at in one.typical:
        item = history.reads[at]
        said = saying.body_sentences(item.interaction, item.end)
        if not said:
            continue
        found, answer = saying.problem_in(said), saying.solution_in(said)
        if not problem and found is not None:
            problem = found.text
            solution = answer.text if answer is not None and answer != found else solution
        elif not solution and answer is not None:
            solution = answer.text
        recommended.extend(one_said.text for one_said in saying.recommendations_in(said))
    return Content(problem=problem, solution=solution, recommendations=tuple(_distinct(recommended)[:5]))


def _tags(one: Draft) -> tuple[str, ...]:
    words = [word for phrase in one.phrases for word in phrase.stems]
    kept = [phrase.surface.lower() for phrase in one.phrases if len(phrase.stems) == 1]
    kept = [text for text in kept if text not in GENERIC_STEMS] or [
        w for w in words if w not in STOP_STEMS | GENERIC_STEMS
    ]
    return tuple(_distinct(kept)[:5])


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
