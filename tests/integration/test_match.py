"""Finding: the right pattern first, filters inside the query, and nothing of another tenant."""

from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from mined import mine_lines, write_example

from service.errors import NotFound
from service.extraction.import_lines import read_patterns
from service.extraction.importing import import_patterns
from service.matching import rank
from service.matching.counting import count_shown
from service.matching.embedder import Embedder
from service.matching.gist import split
from service.matching.request import Filters, MatchRequest, MatchResponse
from service.matching.search import CANDIDATES, candidate_parameters, match
from service.matching.words import count
from service.storage import search
from service.storage.database import Caller, Database, Role
from service.storage.projects import project_named

EVE = Caller(UUID("00000000-0000-4000-8000-0000000000e1"))

KNOWN: list[dict[str, Any]] = [
    {
        "name": "Retry lost connections",
        "description": "A job that loses its database connection is retried, with pauses that grow.",
        "pattern_type": "error_handling",
        "tags": ["database", "retry"],
        "success_rate": 0.9,
        "quality_metrics": {"clarity": 0.8},
    },
    {
        "name": "Pin dependencies",
        "description": "Exact versions stand in the lock file; a robot proposes newer ones.",
        "pattern_type": "build",
        "tags": ["build"],
        "success_rate": 0.4,
        "quality_metrics": {"clarity": 0.2},
    },
    {
        "name": "Write migrations in two steps",
        "description": "First add the new column, deploy, then remove the old one in a later release.",
        "pattern_type": "database",
        "tags": ["database", "release"],
        "status": "proposed",
    },
    {
        "name": "Wait for a state in tests, never for seconds",
        "description": "Flaky tests slept for a fixed time. Poll for the condition instead of time.sleep().",
        "pattern_type": "testing",
        "tags": ["testing"],
        "success_rate": 0.7,
    },
    {
        "name": "Close what you open",
        "description": "Files, sockets and pools are closed by a context manager.",
        "pattern_type": "resources",
        "tags": ["database", "resources"],
        "confidence": 0.5,
    },
    {
        "name": "Log ids, not content",
        "description": "Log lines name the request and the user by id; what people wrote stays out of them.",
        "pattern_type": "security",
        "tags": ["security", "logging"],
        "status": "deprecated",
    },
    {
        "name": "Give every public function a type",
        "description": "Annotations are checked in CI; Any needs a reason.",
        "pattern_type": "typing",
        "tags": ["typing"],
        "status": "archived",
    },
]


async def bring(
    database: Database, caller: Caller, records: list[dict[str, Any]], embedder: Embedder | None, project: str
) -> None:
    await import_patterns(
        database,
        embedder,
        caller,
        read_patterns(msgspec.json.encode(records), "test"),
        project_name=project,
        source_name="test",
        progress=lambda _done, _total: None,
    )


@pytest.fixture
async def filled(database: Database, caller: Caller, embedder: Embedder) -> Database:
    """The patterns above, with vectors."""
    await bring(database, caller, KNOWN, embedder, "team")
    return database


def names(response: MatchResponse) -> list[str]:
    return [found.name for found in response.matched_patterns]


@pytest.mark.parametrize(
    ("intent", "first"),
    [
        ("our background tasks die when Postgres restarts, try again automatically", "Retry lost connections"),
        ("CI fails now and then because the assertion comes too early", "Wait for a state in tests, never for seconds"),
        ("rename a table column without downtime", "Write migrations in two steps"),
        ("file handles leak", "Close what you open"),
        ("a library update broke the build over night", "Pin dependencies"),
        ("time.sleep in tests", "Wait for a state in tests, never for seconds"),
        ("CLOSE-what_you OPEN", "Close what you open"),
    ],
)
async def test_a_paraphrase_finds_the_right_pattern_first(
    filled: Database, caller: Caller, embedder: Embedder, intent: str, first: str
):
    assert names(await match(filled, caller, embedder, MatchRequest(intent=intent)))[0] == first


async def test_the_same_text_is_near_1_and_another_subject_near_0(filled: Database, caller: Caller, embedder: Embedder):
    same = f"{KNOWN[0]['name']}\n{KNOWN[0]['description']}"
    best = (await match(filled, caller, embedder, MatchRequest(intent=same))).matched_patterns[0]
    assert best.name == KNOWN[0]["name"]
    assert best.why["relevance"] == pytest.approx(1, abs=0.002)
    assert best.similarity == pytest.approx(1, abs=0.002)
    other = await match(filled, caller, embedder, MatchRequest(intent="giraffes sing opera among tulips"))
    assert all(found.why["relevance"] < 0.15 for found in other.matched_patterns)


async def test_a_record_of_success_counts(database: Database, caller: Caller, database_url: str):
    twins = [{"name": f"Retry {n}", "description": "Retry lost connections.", "success_rate": n / 2} for n in range(3)]
    await bring(database, caller, twins, None, "team")
    with psycopg.connect(database_url) as admin:
        admin.execute("update pattern_stats set usage_count = 20")
    found = (await match(database, caller, None, MatchRequest(intent="retry lost connections"))).matched_patterns
    assert [one.name for one in found] == ["Retry 2", "Retry 1", "Retry 0"]
    for one in found:
        parts = (one.why["relevance"], one.why["success"], one.why["recent_performance"])
        assert one.confidence_score == pytest.approx(0.4 * parts[0] + 0.3 * parts[1] + 0.3 * parts[2], abs=2e-4)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (None, {0, 1, 2, 3, 4}),
        ({}, {0, 1, 2, 3, 4}),
        ({"statuses": None}, {0, 1, 2, 3, 4, 5, 6}),
        ({"statuses": []}, {0, 1, 2, 3, 4, 5, 6}),
        ({"statuses": ["deprecated", "archived"]}, {5, 6}),
        ({"pattern_types": ["build", "testing"]}, {1, 3}),
        ({"pattern_types": ["none-like-it"]}, set()),
        ({"tags": ["database"]}, {0, 2, 4}),
        ({"tags": ["database", "retry"]}, {0}),
        ({"tags": ["database", "build"]}, set()),
        ({"min_quality_score": 0.8}, {0, 2, 3}),
        ({"min_quality_score": 0.5}, {0, 2, 3, 4}),
        ({"min_quality_score": 0.0}, {0, 1, 2, 3, 4}),
        ({"min_quality_score": 0.2}, {0, 1, 2, 3, 4}),
        ({"min_success_rate": 0.7}, {0, 3}),
        ({"min_success_rate": 0.9}, {0}),
        ({"min_success_rate": 0.91}, set()),
        ({"min_success_rate": 0.0}, {0, 1, 3}),
        ({"tags": ["database"], "min_success_rate": 0.5, "statuses": ["active"], "min_quality_score": 0.1}, {0}),
    ],
    ids=str,
)
@pytest.mark.parametrize("words_only", [False, True], ids=["meaning", "words"])
async def test_filters_narrow_before_the_limit(
    filled: Database,
    caller: Caller,
    embedder: Embedder,
    filters: dict[str, Any] | None,
    expected: set[int],
    words_only: bool,
):
    # Words of every pattern, so that words alone meet all of them.
    intent = " ".join(record["name"] for record in KNOWN)
    request = msgspec.convert({"intent": intent, "filters": filters, "limit": 100}, MatchRequest)
    used = None if words_only else embedder
    everything = await match(filled, caller, used, request)
    assert set(names(everything)) == {KNOWN[number]["name"] for number in expected}
    assert everything.total_matches == len(expected)
    # The limit cuts what passed the filters, it never stands in their way.
    one = await match(filled, caller, used, msgspec.structs.replace(request, limit=1))
    assert names(one) == names(everything)[:1]
    assert one.total_matches == len(expected)


async def test_filters_reach_beyond_what_is_nearest(database: Database, caller: Caller, embedder: Embedder):
    crowd = [{"name": f"Retry {n}", "description": "retry"} for n in range(CANDIDATES + 50)]
    await bring(database, caller, [*crowd, {"name": "Bake bread", "tags": ["kitchen"]}], embedder, "team")
    request = MatchRequest(intent="retry", limit=100, filters=Filters(tags=["kitchen"]))
    assert names(await match(database, caller, embedder, request)) == ["Bake bread"]
    unfiltered = await match(database, caller, embedder, MatchRequest(intent="retry", limit=100))
    assert len(unfiltered.matched_patterns) == 100
    assert CANDIDATES <= unfiltered.total_matches <= 2 * CANDIDATES


async def test_min_confidence_cuts_and_counts(filled: Database, caller: Caller, embedder: Embedder):
    whole = await match(filled, caller, embedder, MatchRequest(intent="retry database connections", limit=100))
    scores = [found.confidence_score for found in whole.matched_patterns]
    assert scores == sorted(scores, reverse=True)
    cut = MatchRequest(intent="retry database connections", min_confidence=(scores[1] + scores[2]) / 2, limit=1)
    assert (await match(filled, caller, embedder, cut)).total_matches == 2
    nothing = await match(filled, caller, embedder, MatchRequest(intent="retry", min_confidence=1.0))
    assert (nothing.matched_patterns, nothing.total_matches) == ([], 0)


@pytest.mark.parametrize(
    "intent",
    [
        "Retry lost connections",
        "tests",
        "NameNode and IPv6Address in time.sleep() tests",
        "データベース接続 の 再試行 retry",
        "\n".join(record["name"] + "\n" + record["description"] for record in KNOWN),
        "retry " * 5_000,
    ],
    ids=lambda intent: intent[:20],
)
async def test_the_databases_word_score_is_the_sum_of_its_terms(filled: Database, caller: Caller, intent: str):
    await bring(filled, caller, [{"name": "再試行", "description": "データベース接続"}], None, "team")
    head, rest = split(intent)
    head_terms, body_terms = count(head), count(rest)
    async with filled.transaction(Role.TEAM_CLIENT, caller) as connection:
        project = await project_named(connection, "team")
        active = await search.active_model(connection)
        assert active is not None
        scope = search.Scope(active.id, [project.id])
        row = await search.corpus(connection, scope, rank.counted(head_terms, body_terms))
        corpus = rank.Corpus(
            row["patterns"], row["mean_name_length"], row["mean_body_length"], row["document_frequency"]
        )
        weights = rank.weigh(head_terms, body_terms, corpus)
        rows = await search.candidates(
            connection, scope, candidate_parameters(Filters(statuses=None), None, corpus, weights)
        )
        terms = await search.shared_terms(connection, scope, [r["pattern_id"] for r in rows], list(weights))
    for found in rows:
        summed = sum(
            weights[term["term"]]
            * rank.saturation(term["in_name"], term["in_body"], found["length_name"], found["length_body"], corpus)
            for term in terms[found["pattern_id"]]
        )
        assert found["words"] == pytest.approx(summed, abs=1e-6)
    assert rows


async def test_another_tenants_patterns_are_never_seen_nor_counted(
    filled: Database, caller: Caller, embedder: Embedder, database_url: str
):
    with psycopg.connect(database_url) as admin:
        admin.execute("insert into auth.users (id) values (%s)", (EVE.user_id,))
    before = await match(filled, caller, embedder, MatchRequest(intent="retry lost connections"))
    await bring(filled, EVE, [{"name": "Retry lost connections at Eve's"}] * 3, embedder, "eves")

    after = await match(filled, caller, embedder, MatchRequest(intent="retry lost connections"))
    assert after.matched_patterns == before.matched_patterns  # the same scores too: no counts of hers
    hers = await match(filled, EVE, embedder, MatchRequest(intent="retry lost connections", limit=100))
    assert len(hers.matched_patterns) == 3
    assert {found.metadata["project"] for found in hers.matched_patterns} == {"eves"}
    with pytest.raises(NotFound, match="'eves'"):
        await match(filled, caller, embedder, MatchRequest(intent="retry"), project="eves")
    with pytest.raises(NotFound, match="'team'"):
        await match(filled, EVE, embedder, MatchRequest(intent="retry"), project="team")
    nobody = Caller(UUID("00000000-0000-4000-8000-00000000dead"))
    assert (await match(filled, nobody, embedder, MatchRequest(intent="retry"))).matched_patterns == []


async def test_an_unknown_project_names_those_there_are(filled: Database, caller: Caller):
    with pytest.raises(NotFound, match=r"There is no project named 'nope'.*team"):
        await match(filled, caller, None, MatchRequest(intent="retry"), project="nope")


@pytest.mark.parametrize("words_only", [False, True], ids=["meaning", "words"])
async def test_an_empty_database_is_a_note(database: Database, caller: Caller, embedder: Embedder, words_only: bool):
    response = await match(database, caller, None if words_only else embedder, MatchRequest(intent="retry"))
    assert (response.matched_patterns, response.total_matches) == ([], 0)
    assert response.query_metadata.notes == ["There are no patterns to search yet."]


async def test_evidence_names_its_commit_by_the_whole_sha(
    database: Database, caller: Caller, database_url: str, tmp_path: Any
):
    await mine_lines(database, caller, write_example(tmp_path / "history.jsonl", 300))
    response = await match(database, caller, None, MatchRequest(intent="fix tests and annotations", limit=100))
    assert response.matched_patterns
    with psycopg.connect(database_url) as admin:
        texts = dict(admin.execute("select external_key, text from interactions").fetchall())
    for found in response.matched_patterns:
        assert 0 < len(found.evidence) <= 5
        assert found.metadata["evidence_count"] >= len(found.evidence)
        for quote in found.evidence:
            assert len(quote.source) == 40
            assert texts[quote.source][quote.char_start : quote.char_end] == quote.quote


async def test_what_was_shown_is_counted(filled: Database, caller: Caller, database_url: str):
    request = MatchRequest(intent="retry lost connections pin dependencies", limit=2)
    for _ in range(3):
        await count_shown(filled, await match(filled, caller, None, request))
    with psycopg.connect(database_url) as admin:
        counted = dict(
            admin.execute(
                "select p.name, s.match_count from pattern_stats s join patterns p on p.id = s.pattern_id "
                "where s.match_count > 0 and s.last_matched_at > now() - interval '1 minute'"
            ).fetchall()
        )
    assert counted == {"Retry lost connections": 3, "Pin dependencies": 3}
    versions = "select max(version), count(*) from patterns"
    with psycopg.connect(database_url) as admin:
        assert admin.execute(versions).fetchone() == (1, len(KNOWN))


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "retry\x00lost",
        "\ud800",
        "retry \udcff lost",
        "%s %(projects)s {x} \\ ' \" ; --",
        "🎉" * 1_000,
        " ",
        "retry lost connections " * 4_347,
        "x" * 100_000,
        "\n" * 100_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
async def test_any_text_is_answered(filled: Database, caller: Caller, embedder: Embedder, text: str):
    # Any text may also be the context or a requirement.
    request = MatchRequest(intent=text, context=text, requirements=[text[:2_000]])
    for used in (embedder, None):
        response = await match(filled, caller, used, request)
        assert all(0 <= found.confidence_score <= 1 for found in response.matched_patterns)


async def test_a_denser_text_than_the_query_scores_no_more_than_one(database: Database, caller: Caller):
    crowd = [{"name": f"Other {n}", "description": "something else entirely " * 20} for n in range(5)]
    dense = {"name": "retry retry retry", "description": "retry retry"}
    await bring(database, caller, [*crowd, dense], None, "team")
    best = (await match(database, caller, None, MatchRequest(intent="retry"))).matched_patterns[0]
    assert best.name == "retry retry retry"
    assert (best.why["words"], best.why["relevance"]) == (1.0, 1.0)
