"""A match under row-level security, by the exact scan and by the index: what one sees, and nothing of anybody else."""

import json
from collections.abc import Iterator, Mapping
from uuid import UUID, uuid4

import psycopg
import pytest
from tenant_rows import bring, join, names, person

from service.errors import NotFound
from service.matching.embedder import Embedder
from service.matching.query_cache import QueryCache
from service.matching.request import Filters, MatchRequest, MatchResponse
from service.matching.search import match
from service.storage.database import Caller, Database
from service.storage.search import EXACT_ROWS

SAME = [
    {"name": "Retry lost connections", "description": "Try again with growing pauses.", "tags": ["retry"]},
    {"name": "Pin dependencies", "description": "Exact versions stand in the lock file.", "tags": ["build"]},
    {"name": "Close what you open", "description": "Files and sockets are closed by a context manager."},
]
INTENT = "retry connections, pin versions, close files"
ASKED = MatchRequest(intent=INTENT, limit=100)

both_ways = pytest.mark.parametrize("exact_rows", [EXACT_ROWS, 0], ids=["exact", "index"])


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def eve(database: Database, caller: Caller, embedder: Embedder, admin: psycopg.Connection) -> Caller:
    """Another tenant with the very same patterns; ours lie in the project "ours"."""
    await bring(database, caller, SAME, embedder, "ours")
    eve = person(admin)
    await bring(database, eve, SAME, embedder, "theirs")
    return eve


def said(response: MatchResponse) -> list[tuple[object, ...]]:
    """All of an answer that does not name its rows."""
    return sorted((f.name, f.confidence_score, f.similarity, str(f.why)) for f in response.matched_patterns)


def ids(admin: psycopg.Connection, project: str) -> set[UUID]:
    rows = admin.execute(
        "select p.id from patterns p join projects pr on pr.id = p.project_id where pr.name = %s", (project,)
    )
    return {row[0] for row in rows}


@both_ways
async def test_of_two_tenants_with_the_same_text_each_finds_its_own(
    eve: Caller, database: Database, caller: Caller, embedder: Embedder, admin: psycopg.Connection, exact_rows: int
):
    ours = await match(database, caller, embedder, ASKED, exact_rows=exact_rows)
    theirs = await match(database, eve, embedder, ASKED, exact_rows=exact_rows)
    assert {f.pattern_id for f in ours.matched_patterns} == ids(admin, "ours")
    assert {f.pattern_id for f in theirs.matched_patterns} == ids(admin, "theirs")
    assert said(ours) == said(theirs)
    assert ours.total_matches == theirs.total_matches == ours.query_metadata.candidates == len(SAME)
    # Neither what another adds nor what it takes away changes a score, a count or a term's weight.
    await bring(
        database,
        eve,
        [{"name": f"Retry {n}", "description": "retry connections"} for n in range(40)],
        embedder,
        "theirs",
    )
    assert said(await match(database, caller, embedder, ASKED, exact_rows=exact_rows)) == said(ours)
    admin.execute("delete from projects where name = 'theirs'")
    assert said(await match(database, caller, embedder, ASKED, exact_rows=exact_rows)) == said(ours)


async def test_the_index_answers_as_the_scan_does(eve: Caller, database: Database, caller: Caller, embedder: Embedder):
    for filters in (Filters(), Filters(tags=["retry"]), Filters(pattern_types=["none"]), Filters(min_success_rate=0.1)):
        request = MatchRequest(intent=INTENT, limit=100, filters=filters)
        exact = await match(database, caller, embedder, request)
        index = await match(database, caller, embedder, request, exact_rows=0)
        assert index.matched_patterns == exact.matched_patterns
        assert index.total_matches == exact.total_matches


async def test_a_filter_that_hardly_anything_passes_finds_it_among_many(
    database: Database, caller: Caller, embedder: Embedder
):
    crowd = [{"name": f"Retry {n}", "description": "retry connections"} for n in range(450)]
    await bring(database, caller, [*crowd, {"name": "Bake bread", "tags": ["kitchen"]}], embedder, "ours")
    for tags, expected in ((["kitchen"], ["Bake bread"]), (["garden"], [])):
        request = MatchRequest(intent="retry connections", filters=Filters(tags=tags))
        for exact_rows in (EXACT_ROWS, 100, 0):
            assert names(await match(database, caller, embedder, request, exact_rows=exact_rows)) == expected


async def test_the_order_of_equals_stays(database: Database, caller: Caller, embedder: Embedder):
    twins = [{"name": f"Retry {n}", "description": "retry connections"} for n in range(30)]
    await bring(database, caller, twins, embedder, "ours")
    for exact_rows in (EXACT_ROWS, 0):
        answers = [await match(database, caller, embedder, ASKED, exact_rows=exact_rows) for _ in range(5)]
        assert all(answer.matched_patterns == answers[0].matched_patterns for answer in answers)
        scored = [(-f.confidence_score, f.pattern_id) for f in answers[0].matched_patterns]
        assert [score for score, _ in scored] == sorted(score for score, _ in scored)


@both_ways
async def test_who_was_removed_gets_nothing_from_the_cache(
    eve: Caller, database: Database, caller: Caller, embedder: Embedder, admin: psycopg.Connection, exact_rows: int
):
    cache = QueryCache()
    join(admin, eve, "ours")
    asked = [await match(database, eve, embedder, ASKED, cache=cache, exact_rows=exact_rows) for _ in range(2)]
    assert said(asked[0]) == said(asked[1])
    assert (asked[0].total_matches, len(cache)) == (2 * len(SAME), 1)
    admin.execute("delete from project_members m using projects p where p.id = m.project_id and p.name = 'ours' "
                  "and m.user_id = %s", (eve.user_id,))  # fmt: skip
    left = await match(database, eve, embedder, ASKED, cache=cache, exact_rows=exact_rows)
    assert {f.pattern_id for f in left.matched_patterns} == ids(admin, "theirs")
    assert len(cache) == 2  # the question of somebody who sees other projects is another question
    with pytest.raises(NotFound):
        await match(database, eve, embedder, ASKED, cache=cache, project="ours", exact_rows=exact_rows)


async def test_who_sees_nothing_asks_nothing_of_the_model_and_leaves_nothing_in_the_cache(
    eve: Caller, database: Database, embedder: Embedder, admin: psycopg.Connection
):
    cache = QueryCache()
    answer = await match(database, person(admin), embedder, ASKED, cache=cache)
    assert (answer.matched_patterns, answer.total_matches, len(cache)) == ([], 0, 0)
    assert answer.query_metadata.notes == ["There are no patterns to search yet."]


async def test_with_and_without_the_cache_the_answer_is_the_same(
    eve: Caller, database: Database, caller: Caller, embedder: Embedder
):
    cache = QueryCache()
    plain = await match(database, caller, embedder, ASKED)
    for _ in range(2):
        cached = await match(database, caller, embedder, ASKED, cache=cache)
        assert cached.matched_patterns == plain.matched_patterns


@both_ways
async def test_an_agents_key_searches_its_one_project_while_it_lives(
    eve: Caller, database: Database, embedder: Embedder, admin: psycopg.Connection, exact_rows: int
):
    join(admin, eve, "ours")
    row = admin.execute(
        "insert into agent_keys (project_id, name, key_hash, scopes, created_by) "
        "select id, 'k', sha256('k'), '{read}', %s from projects where name = 'ours' returning id",
        (eve.user_id,),
    ).fetchone()
    assert row is not None
    agent = Caller(eve.user_id, row[0])
    found = await match(database, agent, embedder, ASKED, exact_rows=exact_rows)
    assert {f.pattern_id for f in found.matched_patterns} == ids(admin, "ours")
    with pytest.raises(NotFound):
        await match(database, agent, embedder, ASKED, project="theirs")
    admin.execute("update agent_keys set revoked_at = now()")
    assert (await match(database, agent, embedder, ASKED, exact_rows=exact_rows)).matched_patterns == []
    forged = Caller(eve.user_id, uuid4())
    assert (await match(database, forged, embedder, ASKED, exact_rows=exact_rows)).matched_patterns == []


FOUND = """
select count(*) filter (where by_index) as by_index, count(*) as found from motif.match_candidates(row(
  (select id from asked), (select projects from asked), null, (select vector from asked), '{retri}',
  '{1}', '{active,proposed}', '{}', '{}', null, null, 200, 6, 3, true, %s, 1.2, 3, .5, .75, 1, 1)::motif.match_query)
"""


@both_ways
async def test_the_database_itself_answers_by_the_claims_alone(
    eve: Caller, database: Database, caller: Caller, admin: psycopg.Connection, exact_rows: int
):
    """Whatever projects are named: the function that a client could call takes nobody's word for who asks."""
    admin.execute(
        "create temp table asked as select m.id, (select array_agg(p.id) from projects p) as projects, "
        "(select embedding from pattern_embeddings limit 1) as vector from embedding_models m where active"
    )
    admin.execute("grant select on pg_temp.asked to authenticated, service_role, motif_api")
    way = 0 if exact_rows else 1

    def seen(role: str, claims: Mapping[str, object]) -> tuple[int, int]:
        with admin.transaction(force_rollback=True):
            admin.execute(
                "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                (role, json.dumps(claims) if claims else ""),
            )
            row = admin.execute(FOUND, (exact_rows,)).fetchone()
            assert row is not None
            return row

    ours, theirs = {"sub": str(caller.user_id)}, {"sub": str(eve.user_id)}
    for role in ("authenticated", "motif_api"):
        assert seen(role, ours) == (3 * way, 3)
        assert seen(role, theirs) == (3 * way, 3)
        assert seen(role, {**ours, "is_anonymous": True}) == (0, 0)
        assert seen(role, {}) == (0, 0)
    assert seen("service_role", {}) == (6 * way, 6)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        seen("anon", {})
