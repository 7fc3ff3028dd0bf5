"""A match: query to vector and terms, one look into the database as the caller, scores, and the answer."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from pgvector import HalfVector

from service.errors import EmbeddingModelChanged, NotFound
from service.matching import rank
from service.matching.answer import answer, notes, record, score, shares
from service.matching.embedder import Embedded, Embedder
from service.matching.gist import gists, split
from service.matching.query_cache import QueryCache, Vector, asked
from service.matching.request import Filters, MatchRequest, MatchResponse, QueryMetadata
from service.matching.words import count
from service.storage import search
from service.storage.database import Caller, Connection, Database
from service.storage.permission import Origin, of_question
from service.storage.projects import project_named, visible_projects
from service.storage.search import Scope

# Examined from each side, meaning and words: twice the largest limit.
CANDIDATES = 200
QUOTES = 5
# How long a vendor is waited for; without a vector the words are searched.
WAIT_S = 5.0
# Looks until the question is embedded and no rebuild ends in the middle of one.
LOOKS = 4


class _Query(msgspec.Struct, frozen=True):
    """A question's text and its terms, each as head and body."""

    head: str
    body: str
    head_terms: Mapping[str, int]
    body_terms: Mapping[str, int]


async def match(
    database: Database,
    caller: Caller,
    embedder: Embedder | None,
    request: MatchRequest,
    *,
    project: str | None = None,
    cache: QueryCache | None = None,
    exact_rows: int = search.EXACT_ROWS,
) -> MatchResponse:
    """The patterns that fit best among those the caller may see, of one project or of all.

    Row-level security decides what is seen, the audience what of it is answered; filters stand inside the query. With a
    cache the projects are looked up first, as the caller, and no connection is held while the question is embedded.
    `exact_rows`: patterns beyond which the index of vectors may be asked. Raises NotFound for an unknown project or
    audience, RequestInvalid for one that may be several, EmbeddingModelChanged when the stored vectors belong to
    another model.
    """
    clock = _Clock()
    query = await asyncio.to_thread(_read, request)
    embedded: Embedded | None = None
    if embedder is not None and not embedder.at_vendor and cache is None:
        embedded = await _embed(query, embedder, Origin())
    vector = embedded.vectors[0] if embedded else None
    clock.lap("embed")
    for _ in range(LOOKS):
        async with database.reading(caller) as connection:
            projects = await _projects(connection, project)
            audience = await _audience(connection, projects, request.audience)
            model_id = await _model(connection, embedder)
            # Only here is it known whose question it may be: the policies have just said what the caller sees.
            if embedder is not None and cache is not None:
                question = asked(projects, embedder.fingerprint, query.head, query.body)
                if vector is None:
                    vector = cache.get(question)
                elif projects:
                    cache.put(question, vector)
            if vector is not None or embedded is not None or embedder is None or not projects:
                scope = Scope(model_id, projects, audience)
                why = embedded.why if embedded else None
                response = await _look(connection, scope, request, query, vector, embedder, exact_rows, clock, why)
                # A rebuild that was committed meanwhile took the rows of its old model along.
                if await _is_active(connection, model_id):
                    return response
                continue
            origin = await of_question(connection, projects, audience) if embedder.at_vendor else Origin()
        clock.lap("search")
        embedded = await _embed(query, embedder, origin)
        vector = embedded.vectors[0]
        clock.lap("embed")
    raise EmbeddingModelChanged("The embedding model was changed meanwhile.", fix="Ask again.")


async def _look(
    connection: Connection,
    scope: Scope,
    request: MatchRequest,
    query: _Query,
    vector: Vector | None,
    embedder: Embedder | None,
    exact_rows: int,
    clock: "_Clock",
    why: str | None,
) -> MatchResponse:
    """Counts, candidates, scores and what is said of the best, as the transaction's caller."""
    counts = await search.corpus(connection, scope, rank.counted(query.head_terms, query.body_terms))
    corpus = rank.Corpus(
        patterns=counts["patterns"],
        mean_name_length=counts["mean_name_length"],
        mean_body_length=counts["mean_body_length"],
        document_frequency=counts["document_frequency"],
    )
    weights = rank.weigh(query.head_terms, query.body_terms, corpus)
    parameters = candidate_parameters(
        request.filters or Filters(), vector, corpus, weights, exact_rows, used=counts["uses"] > 0
    )
    rows = await search.candidates(connection, scope, parameters)
    clock.lap("search")
    scored = score(rows, record(counts), request.min_confidence)
    shown = scored[: request.limit]
    clock.lap("rank")
    ids = [s.row["pattern_id"] for s in shown]
    details = await search.matched(connection, scope, ids, quotes=QUOTES)
    terms = await search.shared_terms(connection, scope, ids, list(weights))
    clock.lap("read")
    return MatchResponse(
        matched_patterns=[
            answer(s, details[i], shares(s.row, terms.get(i, []), weights, corpus))
            for s in shown
            # One that was removed since it was found is left out.
            if (i := s.row["pattern_id"]) in details
        ],
        total_matches=len(scored),
        query_metadata=QueryMetadata(
            query_time_ms=clock.times(),
            embedding_model=embedder.model_id if embedder else None,
            filters=request.filters or Filters(),
            candidates=len(rows),
            notes=notes(embedder, corpus.patterns, counts["without_vector"], asked=vector is not None, why=why),
        ),
    )


def candidate_parameters(
    filters: Filters,
    vector: Vector | None,
    corpus: rank.Corpus,
    weights: Mapping[str, float],
    exact_rows: int = search.EXACT_ROWS,
    *,
    used: bool = True,
) -> dict[str, Any]:
    """What `search.candidates` is asked with, besides its scope. `used`: whether any of the patterns ever was."""
    return {
        "vector": None if vector is None else HalfVector(vector),
        "terms": list(weights),
        "weights": list(weights.values()),
        "statuses": filters.statuses or ["proposed", "active", "deprecated", "archived"],
        "types": filters.pattern_types or [],
        "tags": filters.tags or [],
        "min_quality": filters.min_quality_score,
        "min_success": filters.min_success_rate,
        "candidates": CANDIDATES,
        "patterns": corpus.patterns,
        "postings": sum(corpus.document_frequency.get(term, 0) for term in weights),
        "used": used,
        "exact_rows": exact_rows,
        "saturation": rank.SATURATION,
        "name_weight": rank.NAME_WEIGHT,
        "name_length": rank.NAME_LENGTH,
        "body_length": rank.BODY_LENGTH,
        "mean_name_length": max(corpus.mean_name_length, 1.0),
        "mean_body_length": max(corpus.mean_body_length, 1.0),
    }


def _read(request: MatchRequest) -> _Query:
    head, rest = split(request.intent)
    body = "\n".join(part for part in (rest, request.context or "", *(request.requirements or ())) if part.strip())
    return _Query(head, body, count(head), count(body))


async def _embed(query: _Query, embedder: Embedder, origin: Origin) -> Embedded:
    return await gists(embedder, [(query.head, query.body)], [origin], wait_s=WAIT_S)


async def _projects(connection: Connection, name: str | None) -> list[UUID]:
    """Every project that the caller sees, or the one of that name or id."""
    if name is not None:
        return [(await project_named(connection, name)).id]
    return [project.id for project in await visible_projects(connection)]


async def _audience(connection: Connection, projects: list[UUID], named: str | None) -> list[UUID] | None:
    if named is None:
        return None
    found = await search.audience(connection, projects, named)
    if not found:
        raise NotFound("The audience is no repository of the project.", fix="Give its id, its external id or its name.")
    return found


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


async def _is_active(connection: Connection, model_id: int) -> bool:
    active = await search.active_model(connection)
    return (active.id if active else 0) == model_id


class _Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = round(self._laps.get(stage, 0.0) + (now - self._last) * 1000, 3)
        self._last = now

    def times(self) -> dict[str, float]:
        return {**self._laps, "total": round((time.perf_counter() - self._start) * 1000, 3)}
