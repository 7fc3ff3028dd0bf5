"""Where a recurrence may be: groups proposed by words, by paths, by known practices and by meaning; none judged yet."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from service.extraction.builtin.practices import PRACTICES, Practice
from service.extraction.builtin.reading import WIDE_CHANGE, Floats, History, Read, path_tokens
from service.extraction.builtin.wording import GENERIC_STEMS, STOP_STEMS

# How strongly a view says that an interaction belongs: the headline names it, its path does, the body mentions it.
IN_SUBJECT, IN_PATH, IN_BODY = 1.0, 0.5, 0.35


class Seed(msgspec.Struct, frozen=True):
    """A proposed group. `anchor` identifies it across runs; `weights`: position -> how sure that it belongs."""

    view: str
    anchor: str
    weights: Mapping[int, float]
    practice: Practice | None = None
    anchor_stems: tuple[str, ...] = ()


def seeds(history: History, *, smallest: int, largest: int) -> list[Seed]:
    """Proposed groups of all views, in a fixed order. `smallest` and `largest` bound the number of members."""
    found = [*_practice_seeds(history), *_word_seeds(history), *_meaning_seeds(history)]
    return [seed for seed in found if len(seed.weights) >= smallest and _firm(seed) <= largest]


def _firm(seed: Seed) -> int:
    return sum(weight >= IN_PATH for weight in seed.weights.values())


def _word_seeds(history: History) -> list[Seed]:
    """One seed for each word or pair of neighbouring words that headlines share; its paths and bodies join in.

    A word in more than a twentieth of the headlines names the project's subject ("job", "task"), not a theme of it.
    """
    subject: dict[str, set[int]] = defaultdict(set)
    body: dict[str, set[int]] = defaultdict(set)
    for at, item in enumerate(history.reads):
        for anchor in anchors(item.subject_stems):
            subject[anchor].add(at)
        for word in item.body_stems:
            body[word].add(at)
    by_path = _by_path(history.reads)
    found: list[Seed] = []
    for anchor in sorted(subject):
        if len(subject[anchor]) < 3 or (" " not in anchor and len(subject[anchor]) > 0.05 * len(history.reads) + 10):
            continue
        weights = dict.fromkeys(sorted(subject[anchor]), IN_SUBJECT)
        if " " not in anchor:
            for at, share in by_path.get(anchor, {}).items():
                weights.setdefault(at, IN_PATH * share)
            for at in sorted(body.get(anchor, ())):
                weights.setdefault(at, IN_BODY)
        found.append(Seed(view="words", anchor=anchor, weights=weights, anchor_stems=tuple(anchor.split())))
    return found


def anchors(subject_stems: Sequence[str]) -> set[str]:
    """What a headline may be grouped by: content words, and neighbouring pairs of which one is a content word."""
    found = {word for word in subject_stems if _telling(word)}
    for left, right in pairwise(subject_stems):
        if left != right and (_telling(left) or _telling(right)):
            found.add(f"{left} {right}")
    return found


def _telling(word: str) -> bool:
    return word not in GENERIC_STEMS and word not in STOP_STEMS and len(word) > 1 and not word.isdigit()


def _by_path(reads: Sequence[Read]) -> dict[str, dict[int, float]]:
    """Path word -> interaction -> share: 1 if it is all that the change touches, less the wider the change."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for at, item in enumerate(reads):
        if not item.paths or len(item.paths) > WIDE_CHANGE:
            continue
        for path in item.paths:
            for word in set(path_tokens(path)):
                share = 1 / len(item.paths)
                found[word][at] = min(1.0, found[word].get(at, 0.0) + share)
    return found


def _practice_seeds(history: History) -> list[Seed]:
    """One seed for each known engineering practice whose words the headlines or bodies speak."""
    found: list[Seed] = []
    for practice in PRACTICES:
        weights: dict[int, float] = {}
        for at, item in enumerate(history.reads):
            if practice.words.search(item.subject):
                weights[at] = IN_SUBJECT
            elif practice.in_body and practice.words.search(item.interaction.message):
                weights[at] = IN_BODY
        found.append(Seed(view="practice", anchor=practice.name, weights=weights, practice=practice))
    return found


def _meaning_seeds(history: History) -> list[Seed]:
    """Neighbourhoods in the shared space, at two grains, for what has many words and no common one."""
    count = len(history.reads)
    found: list[Seed] = []
    for grain in (12, 24):
        clusters = min(count // grain, 400)
        if clusters < 2:
            continue
        labels = _partition(history.space, clusters)
        members: dict[int, list[int]] = defaultdict(list)
        for at, label in enumerate(labels):
            members[int(label)].append(at)
        for rows in members.values():
            # The oldest members name the group for good: commits that come later do not change them.
            anchor = ",".join(history.reads[at].interaction.external_key for at in rows[:2])
            found.append(Seed(view="meaning", anchor=anchor, weights=dict.fromkeys(rows, IN_SUBJECT)))
    return sorted(found, key=lambda seed: seed.anchor)


def _partition(space: Floats, clusters: int) -> list[int]:
    import sklearn.cluster  # noqa: PLC0415

    cluster: Any = sklearn.cluster
    model = cluster.MiniBatchKMeans(n_clusters=clusters, n_init=1, random_state=0, batch_size=2048, max_iter=40)
    return [int(label) for label in model.fit_predict(space)]
