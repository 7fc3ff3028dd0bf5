"""A match: query to vector and terms, one look into the database as the caller, scores, and the answer."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from pgvector import HalfVector

from service.errors import EmbeddingModelChanged
from service.matching import rank
from service.matching.embed import Embedder
from service.matching.gist import split, vectors
from service.matching.request import (
    Filters,
    MatchedEvidence,
    MatchedPattern,
    MatchRequest,
    MatchResponse,
    QueryMetadata,
)
from service.matching.words import count
from service.storage import search
from service.storage.database import Caller, Connection, Database, Role
from service.storage.projects import project_named, visible_projects
from service.storage.search import Row

# Examined from each side, meaning and words: twice the largest limit.
CANDIDATES = 200
QUOTES = 5
WHY_TERMS = 5


class _Query(msgspec.Struct, frozen=True):
    head: Mapping[str, int]
    body: Mapping[str, int]
    vector: Any


class _Scored(msgspec.Struct, frozen=True):
    row: Row
    relevance: rank.Relevance
    confidence: rank.Confidence


async def match(
    database: Database,
    caller: Caller,
    embedder: Embedder | None,
    request: MatchRequest,
    *,
    project: str | None = None,
) -> MatchResponse:
    """The patterns that fit best among those the caller may see, of one project or of all.

    Row-level security decides what is seen; filters stand inside the query. Raises NotFound for an unknown project and
    EmbeddingModelChanged when the stored vectors belong to another model.
    """
    clock = _Clock()
    query = await asyncio.to_thread(_read, request, embedder)
    clock.lap("embed")
    async with database.transaction(Role.TEAM_CLIENT, caller) as connection:
        projects = await _projects(connection, project)
        model_id = await _model(connection, embedder)
        corpus, whole, without_vector = await _corpus(connection, model_id, projects, query)
        weights = rank.weigh(query.head, query.body, corpus)
        rows = await search.candidates(connection, _parameters(request, model_id, projects, query, corpus, weights))
        clock.lap("search")
        scored = _score(rows, whole, request.min_confidence)
        shown = scored[: request.limit]
        clock.lap("rank")
        ids = [s.row["pattern_id"] for s in shown]
        details = await search.matched(connection, projects, ids, quotes=QUOTES)
        # One that was removed since it was found is left out.
        shown = [s for s in shown if s.row["pattern_id"] in details]
        terms = await search.shared_terms(connection, projects, ids, list(weights))
        clock.lap("read")
    return MatchResponse(
        matched_patterns=[
            _answer(s, details[i], _shares(s.row, terms.get(i, []), weights, corpus))
            for s in shown
            for i in (s.row["pattern_id"],)
        ],
        total_matches=len(scored),
        query_metadata=QueryMetadata(
            query_time_ms=clock.times(),
            embedding_model=embedder.model_id if embedder else None,
            filters=request.filters or Filters(),
            candidates=len(rows),
            notes=_notes(embedder, corpus.patterns, without_vector),
        ),
    )


def _read(request: MatchRequest, embedder: Embedder | None) -> _Query:
    head, rest = split(request.intent)
    body = "\n".join(part for part in (rest, request.context or "", *(request.requirements or ())) if part.strip())
    vector = HalfVector(vectors(embedder, [(head, body)])[0].astype(np.float32)) if embedder else None
    return _Query(count(head), count(body), vector)


async def _projects(connection: Connection, name: str | None) -> list[UUID]:
    """Every project that the caller sees, or the one of that name."""
    if name is not None:
        return [(await project_named(connection, name)).id]
    return [project.id for project in await visible_projects(connection)]


async def _model(connection: Connection, embedder: Embedder | None) -> int:
    """Id of the active model; without an embedder the words of whatever is stored are searched."""
    active = await search.active_model(connection)
    if active is None:
        return 0
    if embedder is not None and active.name != embedder.model_id and await search.count_rows(connection):
        raise EmbeddingModelChanged(
            f"Patterns are stored with the embedding model {active.name!r}, but {embedder.model_id!r} is set.",
            fix=f"Run `motif embeddings rebuild`, or set MOTIF_EMBEDDING_MODEL={active.name}.",
        )
    return active.id


async def _corpus(
    connection: Connection, model_id: int, projects: Sequence[UUID], query: _Query
) -> tuple[rank.Corpus, rank.Record, int]:
    row = await search.corpus(connection, model_id, projects, rank.counted(query.head, query.body))
    corpus = rank.Corpus(
        patterns=row["patterns"],
        mean_name_length=row["mean_name_length"],
        mean_body_length=row["mean_body_length"],
        document_frequency=row["document_frequency"],
    )
    return corpus, _record(row), row["without_vector"]


def _record(row: Row) -> rank.Record:
    return rank.Record(
        uses=row["uses"],
        success_rate=row["success_rate"],
        recent_uses=row["recent_uses"],
        recent_performance=row["recent_performance"],
    )


def _parameters(
    request: MatchRequest,
    model_id: int,
    projects: Sequence[UUID],
    query: _Query,
    corpus: rank.Corpus,
    weights: Mapping[str, float],
) -> dict[str, Any]:
    filters = request.filters or Filters()
    return {
        "model_id": model_id,
        "projects": list(projects),
        "vector": query.vector,
        "terms": list(weights),
        "weights": list(weights.values()),
        "statuses": filters.statuses or ["proposed", "active", "deprecated", "archived"],
        "types": filters.pattern_types or [],
        "tags": filters.tags or [],
        "min_quality": filters.min_quality_score,
        "min_success": filters.min_success_rate,
        "candidates": CANDIDATES,
        "saturation": rank.SATURATION,
        "name_weight": rank.NAME_WEIGHT,
        "name_length": rank.NAME_LENGTH,
        "body_length": rank.BODY_LENGTH,
        "mean_name_length": max(corpus.mean_name_length, 1.0),
        "mean_body_length": max(corpus.mean_body_length, 1.0),
    }


def _score(rows: list[Row], project: rank.Record, min_confidence: float) -> list[_Scored]:
    """Candidates that pass the cut, best first; equal ones by id, so that the order does not change."""
    scored: list[_Scored] = []
    for row in rows:
        relevance = rank.relevance(min(1.0, row["words"]), row["cosine"])
        confidence = rank.confidence(relevance.score, _record(row), project)
        if confidence.score >= min_confidence:
            scored.append(_Scored(row, relevance, confidence))
    return sorted(scored, key=lambda s: (-s.confidence.score, s.row["pattern_id"]))


def _shares(pattern: Row, terms: list[Row], weights: Mapping[str, float], corpus: rank.Corpus) -> dict[str, float]:
    """What each of the query's terms adds to the words' score of a pattern."""
    return {
        row["term"]: weights[row["term"]]
        * rank.saturation(row["in_name"], row["in_body"], pattern["length_name"], pattern["length_body"], corpus)
        for row in terms
    }


def _answer(scored: _Scored, details: Row, shares: Mapping[str, float]) -> MatchedPattern:
    best = sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:WHY_TERMS]
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


def _notes(embedder: Embedder | None, patterns: int, without_vector: int) -> list[str]:
    if not patterns:
        return ["There are no patterns to search yet."]
    if embedder is None:
        return ["Searched by words alone: no embedding model is at hand. `motif doctor` says what is missing."]
    if without_vector:
        return [f"{without_vector} patterns have no vector yet: run `motif embeddings rebuild`."]
    return []


class _Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = round((now - self._last) * 1000, 3)
        self._last = now

    def times(self) -> dict[str, float]:
        return {**self._laps, "total": round((time.perf_counter() - self._start) * 1000, 3)}
