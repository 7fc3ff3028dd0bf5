"""From candidates to an answer: scores, the cut, and what is said of each pattern. Pure."""

from collections.abc import Mapping

import msgspec

from service.matching import rank
from service.matching.embedder import SOURCE_DENIES, Embedder
from service.matching.request import MatchedEvidence, MatchedPattern
from service.storage.search import Row

WHY_TERMS = 5


class Scored(msgspec.Struct, frozen=True):
    """A candidate that passed the cut."""

    row: Row
    relevance: rank.Relevance
    confidence: rank.Confidence


def score(rows: list[Row], project: rank.Record, min_confidence: float) -> list[Scored]:
    """Candidates that pass the cut, best first; equal ones by id, so that the order does not change."""
    scored: list[Scored] = []
    for row in rows:
        # A sum's last digits depend on the plan's order of adding; equal texts must come out equal.
        relevance = rank.relevance(min(1.0, round(row["words"], 9)), row["cosine"])
        confidence = rank.confidence(relevance.score, record(row), project)
        if confidence.score >= min_confidence:
            scored.append(Scored(row, relevance, confidence))
    return sorted(scored, key=lambda s: (-s.confidence.score, s.row["pattern_id"]))


def record(row: Row) -> rank.Record:
    """How a pattern did, or all of a project's, from a row that counts it."""
    return rank.Record(
        uses=row["uses"],
        success_rate=row["success_rate"],
        recent_uses=row["recent_uses"],
        recent_performance=row["recent_performance"],
    )


def shares(pattern: Row, terms: list[Row], weights: Mapping[str, float], corpus: rank.Corpus) -> dict[str, float]:
    """What each of the query's terms adds to the words' score of a pattern."""
    return {
        row["term"]: weights[row["term"]]
        * rank.saturation(row["in_name"], row["in_body"], pattern["length_name"], pattern["length_body"], corpus)
        for row in terms
    }


def answer(scored: Scored, details: Row, terms: Mapping[str, float]) -> MatchedPattern:
    """One pattern of the answer; `details` is its row of `matched`, `terms` what `shares` gave."""
    best = sorted(terms.items(), key=lambda item: (-item[1], item[0]))[:WHY_TERMS]
    confidence, relevance = scored.confidence, scored.relevance
    return MatchedPattern(
        pattern_id=details["pattern_id"],
        pattern_type=details["pattern_type"],
        name=details["name"],
        description=details["description"],
        confidence_score=round(confidence.score, 4),
        similarity=None if scored.row["cosine"] is None else round(min(1.0, scored.row["cosine"]), 4),
        metadata={
            name: details[name]
            for name in (
                "project",
                "status",
                "version",
                "tags",
                "scope",
                "quality_metrics",
                "extraction_method",
                "match_count",
                "usage_count",
                "success_rate",
                "last_matched_at",
                "evidence_count",
                "created_at",
                "updated_at",
            )
        },
        evidence=[msgspec.convert(quote, MatchedEvidence) for quote in details["evidence"]],
        recommendations=details["content"].get("recommendations") or [],
        why={
            "relevance": round(confidence.relevance, 4),
            "words": round(relevance.words, 4),
            "vector": None if relevance.vector is None else round(relevance.vector, 4),
            "success": round(confidence.success, 4),
            "recent_performance": round(confidence.recent_performance, 4),
            "terms": {term: round(score, 4) for term, score in best},
        },
    )


def notes(
    embedder: Embedder | None, patterns: int, without_vector: int, *, asked: bool, why: str | None = None
) -> list[str]:
    """What whoever asked should know of the search itself. `asked`: whether the question has a vector; `why` not."""
    said: str | None = None
    if not patterns:
        said = "There are no patterns to search yet."
    elif embedder is None:
        said = "Searched by words alone: no embedding model is at hand. `motif doctor` says what is missing."
    elif not asked and why == SOURCE_DENIES:
        said = f"Searched by words alone: not every project that was searched may send words to {embedder.model_id}."
    elif not asked:
        said = f"Searched by words alone: {embedder.model_id} gave no vector of the question ({why or 'no words'})."
    elif without_vector and embedder.at_vendor:
        said = f"{without_vector} patterns are found by their words alone: `motif embeddings status` says why."
    elif without_vector:
        said = f"{without_vector} patterns have no vector yet: run `motif embeddings rebuild`."
    return [said] if said else []
