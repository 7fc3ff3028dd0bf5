"""Evidence of a private source is answered in its own repository alone; elsewhere not even a count tells of it."""

from collections.abc import Iterable, Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from tenant_rows import bring, join, names, open_imports, person, private_to, repository, show

from service.errors import NotFound, RequestInvalid
from service.matching.embedder import Embedder
from service.matching.rebuild import rebuild
from service.matching.request import MatchRequest
from service.matching.search import match
from service.storage.database import Caller, Database
from service.storage.search import EXACT_ROWS

PATTERNS = ("open", "alpha", "beta", "gamma", "alpha and beta", "alpha and gamma")
INTENT = "retry a lost connection: open alpha beta gamma"
NOBODY = UUID(int=0)

AUDIENCES = [
    (None, {"open", "alpha", "beta", "gamma", "alpha and beta", "alpha and gamma"}),
    ("A", {"open", "alpha", "beta", "alpha and beta"}),
    ("B", {"open", "beta"}),
    ("C", {"open", "beta", "gamma"}),
]


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


Shown = dict[str, UUID]


def records(patterns: Iterable[str]) -> list[dict[str, object]]:
    return [{"name": name, "description": f"Retry a lost connection, the {name} way."} for name in sorted(patterns)]


@pytest.fixture
async def shown(database: Database, caller: Caller, embedder: Embedder, admin: psycopg.Connection) -> Shown:
    """Two private repositories, A and C, and a public one, B; their ids."""
    await bring(database, caller, records(PATTERNS), embedder, "team")
    open_imports(admin)
    sources = {
        name: repository(admin, "team", name, "public" if name == "B" else "private") for name in ("A", "B", "C")
    }
    for pattern in PATTERNS:
        for word, source in (("alpha", "A"), ("beta", "B"), ("gamma", "C")):
            if word in pattern:
                show(admin, pattern, sources[source])
    return sources


@pytest.mark.parametrize("exact_rows", [EXACT_ROWS, 0], ids=["exact", "index"])
@pytest.mark.parametrize(("audience", "expected"), AUDIENCES)
async def test_each_repository_gets_what_it_may_read(
    shown: Shown,
    database: Database,
    caller: Caller,
    embedder: Embedder,
    admin: psycopg.Connection,
    exact_rows: int,
    audience: str | None,
    expected: set[str],
):
    request = MatchRequest(intent=INTENT, limit=100, audience=audience)
    found = await match(database, caller, embedder, request, exact_rows=exact_rows)
    assert set(names(found)) == expected
    assert (found.total_matches, found.query_metadata.candidates) == (len(expected), len(expected))
    keys = {quote.source for f in found.matched_patterns for quote in f.evidence}
    rows = admin.execute(
        "select s.name, s.visibility from interactions i join sources s on s.id = i.source_id "
        "where i.external_key = any(%s)",
        (list(keys),),
    ).fetchall()
    assert audience is None or {name for name, visibility in rows if visibility == "private"} <= {audience}


@pytest.mark.parametrize("words_only", [False, True], ids=["meaning", "words"])
async def test_scores_are_those_of_a_project_without_the_others_patterns(
    shown: Shown,
    database: Database,
    caller: Caller,
    embedder: Embedder,
    admin: psycopg.Connection,
    words_only: bool,
):
    used = None if words_only else embedder
    # What a hidden pattern did must not tell on the visible ones' scores either.
    admin.execute(
        "insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome, performance_score) "
        "select project_id, id, gen_random_uuid(), 'failed', 0 from patterns, generate_series(1, 20) "
        "where name = 'gamma'"
    )
    here = await match(database, caller, used, MatchRequest(intent=INTENT, limit=100, audience="B"))
    alone = person(admin)
    await bring(database, alone, records({"open", "beta"}), embedder, "alone")
    there = await match(database, alone, used, MatchRequest(intent=INTENT, limit=100))
    assert {f.name: (f.confidence_score, f.why) for f in here.matched_patterns} == {
        f.name: (f.confidence_score, f.why) for f in there.matched_patterns
    }
    assert here.total_matches == there.total_matches


async def test_an_audience_is_named_by_id_external_id_or_name(
    shown: Shown, database: Database, caller: Caller, admin: psycopg.Connection
):
    for named in (str(shown["B"]), str(shown["B"]).upper(), "git:B", "B"):
        found = await match(database, caller, None, MatchRequest(intent=INTENT, audience=named))
        assert set(names(found)) == {"open", "beta"}, named
    for unknown in ("D", str(uuid4()), "test", "b"):
        with pytest.raises(NotFound, match="no repository"):
            await match(database, caller, None, MatchRequest(intent=INTENT, audience=unknown))
    admin.execute("update sources set name = 'same' where name in ('A', 'C')")
    with pytest.raises(RequestInvalid, match="Several repositories"):
        await match(database, caller, None, MatchRequest(intent=INTENT, audience="same"))


async def test_anothers_repository_is_no_audience(
    shown: Shown, database: Database, embedder: Embedder, admin: psycopg.Connection
):
    eve = person(admin)
    await bring(database, eve, records({"hers"}), embedder, "eves")
    for named in (str(shown["A"]), "git:A", "A"):
        with pytest.raises(NotFound, match="no repository"):
            await match(database, eve, None, MatchRequest(intent=INTENT, audience=named))
    # Known to two projects, a repository is one: what each learned from it in private is its own.
    repository(admin, "eves", "A", "private")
    join(admin, eve, "team")
    both = await match(database, eve, None, MatchRequest(intent=INTENT, limit=100, audience="git:A"))
    assert set(names(both)) == {"open", "alpha", "beta", "alpha and beta"}


async def test_private_evidence_that_joins_closes_a_pattern(
    shown: Shown, admin: psycopg.Connection, database: Database, caller: Caller
):
    assert private_to(admin, "open") == ("public", [], [])
    show(admin, "open", shown["B"])
    assert private_to(admin, "open") == ("public", [], [])
    show(admin, "open", shown["C"])
    assert private_to(admin, "open") == ("private", [shown["C"]], [shown["C"]])
    found = await match(database, caller, None, MatchRequest(intent=INTENT, audience="B"))
    assert names(found) == ["beta"]


async def test_a_source_that_is_opened_or_closed_takes_its_patterns_along(shown: Shown, admin: psycopg.Connection):
    both = sorted((shown["A"], shown["C"]))
    assert private_to(admin, "alpha and gamma") == ("private", both, both)
    admin.execute("update sources set visibility = 'public' where name = 'A'")
    assert private_to(admin, "alpha") == ("public", [], [])
    assert private_to(admin, "alpha and gamma") == ("private", [shown["C"]], [shown["C"]])
    seen = admin.execute(
        "select distinct s.name, e.visibility from pattern_evidence e "
        "join interactions i on i.id = e.interaction_id join sources s on s.id = i.source_id "
        "where s.kind = 'repository'"
    ).fetchall()
    assert set(seen) == {("A", "public"), ("B", "public"), ("C", "private")}
    admin.execute("update sources set visibility = 'private' where name in ('A', 'B')")
    assert private_to(admin, "beta") == ("private", [shown["B"]], [shown["B"]])
    assert private_to(admin, "alpha and gamma") == ("private", both, both)


async def test_evidence_that_goes_opens_nothing(shown: Shown, admin: psycopg.Connection):
    admin.execute("delete from pattern_evidence")
    assert private_to(admin, "alpha") == ("private", [shown["A"]], [shown["A"]])
    assert private_to(admin, "beta") == ("public", [], [])


async def test_a_writer_cannot_call_private_evidence_public(shown: Shown, admin: psycopg.Connection):
    show(admin, "open", shown["A"])
    admin.execute("update patterns set visibility = 'public' where name = 'open'")
    assert private_to(admin, "open") == ("private", [shown["A"]], [shown["A"]])
    admin.execute("update patterns set visibility = 'private' where name = 'beta'")
    assert private_to(admin, "beta") == ("private", [NOBODY], [NOBODY])
    admin.execute("update patterns set visibility = 'public' where name = 'beta'")
    assert private_to(admin, "beta") == ("public", [], [])


async def test_a_rebuild_keeps_whose_a_pattern_is(
    shown: Shown, admin: psycopg.Connection, database: Database, embedder: Embedder
):
    before = {pattern: private_to(admin, pattern) for pattern in PATTERNS}
    await rebuild(database, embedder, progress=lambda _done, _total: None)
    assert {pattern: private_to(admin, pattern) for pattern in PATTERNS} == before
