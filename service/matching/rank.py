"""How well a pattern answers a query: words and vector to a relevance, relevance and use to a confidence. Pure.

Every score lies in [0, 1] and depends on the query, the pattern and counts over the caller's patterns, never on which
other candidates are in the list: a cut means the same for every query. Measured in docs/decisions/0004-ranking.md.
"""

import math
from collections.abc import Mapping

import msgspec

# BM25F. The values of k1 and b are the customary ones; a name is worth three times a body, as titles usually are.
# Half or twice any of them moves hit@10 by at most .016 and MRR@10 by .025, of gains of .164 and .137.
SATURATION = 1.2
NAME_WEIGHT = 3.0
NAME_LENGTH = 0.5
BODY_LENGTH = 0.75

MAX_COUNTED_TERMS = 128
"""Different terms of a query whose holders are counted, in the order in which the text brings them up."""

MAX_QUERY_TERMS = 32
"""Weightiest of them, which are searched for. More cost time and find less: the rest of a stack trace is noise."""

# Relevance leads; what a pattern has done and does now counts as much as each other.
RELEVANCE_SHARE, SUCCESS_SHARE, RECENT_SHARE = 0.4, 0.3, 0.3

PRIOR_USES = 5.0
"""Uses at which a pattern's own record weighs as much as its project's mean: one lucky use moves success by a sixth."""

NEUTRAL = 0.5
"""Success and performance in a project where nothing has been used yet."""


class Corpus(msgspec.Struct, frozen=True):
    """Counts over the patterns that the caller may see in the project, before any filter of the query.

    `document_frequency`: patterns that hold the term, in name or body; a term that is missing is in none.
    """

    patterns: int
    mean_name_length: float
    mean_body_length: float
    document_frequency: Mapping[str, int]


class Relevance(msgspec.Struct, frozen=True):
    """`score` is the mean of what there is of `words` and `vector`; `vector` is None where there is no embedding."""

    score: float
    words: float
    vector: float | None


class Record(msgspec.Struct, frozen=True):
    """How a pattern (or all of a project's) did. Rates are None where there was no use.

    `success_rate`: successful share of `uses`, a partial success counts half. `recent_performance`: mean performance
    score of the `recent_uses` of the last 30 days.
    """

    uses: float = 0.0
    success_rate: float | None = None
    recent_uses: float = 0.0
    recent_performance: float | None = None


class Confidence(msgspec.Struct, frozen=True):
    """`score` = .4 relevance + .3 success + .3 recent performance, each of them in [0, 1]."""

    score: float
    relevance: float
    success: float
    recent_performance: float


def saturation(in_name: float, in_body: float, name_length: float, body_length: float, corpus: Corpus) -> float:
    """Weight of one term in one text, in [0, 1): its occurrences, names counting more, long texts less, soon enough.

    BM25F's w / (k1 + w), w = 3 n / (.5 + .5 name length / mean) + b / (.25 + .75 body length / mean); lengths in terms.
    """
    name_norm = 1 - NAME_LENGTH + NAME_LENGTH * name_length / max(corpus.mean_name_length, 1.0)
    body_norm = 1 - BODY_LENGTH + BODY_LENGTH * body_length / max(corpus.mean_body_length, 1.0)
    weight = NAME_WEIGHT * in_name / name_norm + in_body / body_norm
    return weight / (SATURATION + weight)


def rarity(term: str, corpus: Corpus) -> float:
    """BM25's inverse document frequency, > 0; highest for a term that no pattern holds."""
    # A count taken in another moment than `patterns` may exceed it.
    holders = min(corpus.document_frequency.get(term, 0), corpus.patterns)
    return math.log1p((corpus.patterns - holders + 0.5) / (holders + 0.5))


def counted(head: Mapping[str, int], body: Mapping[str, int]) -> list[str]:
    """Terms of a query whose document frequency is wanted: the first MAX_COUNTED_TERMS, head before body."""
    return list({**head, **body})[:MAX_COUNTED_TERMS]


def weigh(head: Mapping[str, int], body: Mapping[str, int], corpus: Corpus) -> dict[str, float]:
    """The query's terms to search for, heaviest first, with the weight that each gives to its saturation in a pattern.

    `head` and `body` are the query's term counts (words.count) in the text's order; it is read as if it were a pattern
    of that name and body. Weights are divided by what the query would score against itself, so the same text scores 1,
    and words that no pattern holds lower every score. At most MAX_QUERY_TERMS, out of those that `counted` gives.
    """
    lengths = float(sum(head.values())), float(sum(body.values()))
    own = {t: saturation(head.get(t, 0), body.get(t, 0), *lengths, corpus) for t in counted(head, body)}
    heaviest = sorted(((own[t] * rarity(t, corpus), t) for t in own), key=lambda pair: (-pair[0], pair[1]))
    kept = heaviest[:MAX_QUERY_TERMS]
    itself = math.fsum(weight * own[term] for weight, term in kept)
    return {term: weight / itself for weight, term in kept} if itself > 0 else {}


def words(shares: Mapping[str, float]) -> float:
    """Word score in [0, 1] from each term's weight x saturation. A shorter, denser text than the query is cut at 1."""
    return min(1.0, math.fsum(shares.values()))


def relevance(words: float, cosine: float | None) -> Relevance:
    """Mean of the word score and the cosine (below 0 is 0: opposite is no better than unrelated); words alone without.

    Half and half needs no tuning: a quarter to a half of vectors gives the same figures; only more of them loses.
    """
    if cosine is None:
        return Relevance(score=words, words=words, vector=None)
    vector = min(1.0, max(0.0, cosine))
    return Relevance(score=(words + vector) / 2, words=words, vector=vector)


def confidence(relevance: float, pattern: Record, project: Record) -> Confidence:
    """The score that matches are sorted and cut by.

    Success and recent performance are posterior means: PRIOR_USES uses at the project's mean, which is itself held to
    NEUTRAL in the same way, so one use of one pattern does not carry the whole project.
    """
    project_success = _shrunk(project.success_rate, project.uses, NEUTRAL)
    project_recent = _shrunk(project.recent_performance, project.recent_uses, NEUTRAL)
    success = _shrunk(pattern.success_rate, pattern.uses, project_success)
    recent = _shrunk(pattern.recent_performance, pattern.recent_uses, project_recent)
    score = RELEVANCE_SHARE * relevance + SUCCESS_SHARE * success + RECENT_SHARE * recent
    return Confidence(score=score, relevance=relevance, success=success, recent_performance=recent)


def _shrunk(rate: float | None, uses: float, prior: float) -> float:
    if rate is None or uses <= 0:
        return prior
    return (rate * uses + prior * PRIOR_USES) / (uses + PRIOR_USES)
