"""Which vendors may see what: the strictest of every source that lent a word, and nobody where that is not known."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from service.storage.database import Caller, Database, Role
from service.storage.permission import NOBODY, Vendors, allowed_vendors, of_patterns, of_question

OPENAI = frozenset({"openai"})


class Team:
    """A project whose sources, interactions and patterns are written as the administrator."""

    def __init__(self, admin: psycopg.Connection, database: Database) -> None:
        self.admin = admin
        self.database = database
        self.project = self.new_project()

    def new_project(self) -> UUID:
        return self._insert("insert into projects (name) values (%s) returning id", uuid4().hex)

    def source(self, allowed: Vendors, *, external_id: str | None = None, project: UUID | None = None) -> UUID:
        return self._insert(
            "insert into sources (project_id, kind, name, external_id, remote_models, remote_vendors)"
            " values (%s, 'import', 'a', %s, %s, %s) returning id",
            project or self.project,
            external_id or uuid4().hex,
            "deny" if allowed == NOBODY else "allow",
            sorted(allowed or ()),
        )

    def interaction(self, source: UUID, *, key: str | None = None, kind: str = "commit") -> UUID:
        return self._insert(
            "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, state)"
            " select project_id, id, %s, %s, now(), 'words', 'done' from sources where id = %s returning id",
            kind,
            key or uuid4().hex,
            source,
        )

    def pattern(self, *evidence: UUID) -> UUID:
        pattern = self._insert(
            "with p as (insert into patterns (project_id, name, pattern_type, context_hash, extraction_method,"
            " visibility) values (%s, %s, 'fix', gen_random_uuid(), 'builtin', 'public') returning id, project_id),"
            " s as (insert into pattern_stats (project_id, pattern_id) select project_id, id from p) select id from p",
            self.project,
            uuid4().hex,
        )
        for interaction in evidence:
            self.admin.execute(
                "insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start,"
                " char_end) values (%s, %s, 1, %s, 'words', 0, 5)",
                (self.project, pattern, interaction),
            )
        return pattern

    async def allowed(self, *, interactions: tuple[UUID, ...] = (), patterns: tuple[UUID, ...] = ()) -> Vendors:
        async with self.database.transaction(Role.SERVICE) as connection:
            return await allowed_vendors(connection, self.project, interactions=interactions, patterns=patterns)

    def _insert(self, query: str, *values: object) -> UUID:
        row = self.admin.execute(query.encode(), values).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture
def team(database: Database, database_url: str) -> Iterator[Team]:
    with psycopg.connect(database_url, autocommit=True) as admin:
        yield Team(admin, database)


async def test_an_interaction_is_as_open_as_its_source(team: Team):
    for allowed in (None, OPENAI, NOBODY):
        assert await team.allowed(interactions=(team.interaction(team.source(allowed)),)) == allowed


async def test_several_interactions_are_as_strict_as_all_of_their_sources(team: Team):
    open_one, narrow = team.interaction(team.source(None)), team.interaction(team.source(OPENAI))
    closed = team.interaction(team.source(NOBODY))
    assert await team.allowed(interactions=(open_one, narrow)) == OPENAI
    assert await team.allowed(interactions=(open_one, narrow, closed)) == NOBODY


async def test_a_commit_that_a_closed_source_has_too_is_closed(team: Team):
    open_source, closed_source = team.source(None), team.source(NOBODY)
    shared, alone = team.interaction(open_source, key="a"), team.interaction(open_source, key="b")
    team.interaction(closed_source, key="a")
    assert await team.allowed(interactions=(shared,)) == NOBODY
    assert await team.allowed(interactions=(alone,)) is None


async def test_two_documents_of_one_name_are_two_texts(team: Team):
    document = team.interaction(team.source(None), key="a", kind="document")
    team.interaction(team.source(NOBODY), key="a", kind="document")
    assert await team.allowed(interactions=(document,)) is None


async def test_a_pattern_is_as_strict_as_all_of_its_evidence(team: Team):
    open_one, closed = team.interaction(team.source(None)), team.interaction(team.source(NOBODY))
    assert await team.allowed(patterns=(team.pattern(open_one),)) is None
    assert await team.allowed(patterns=(team.pattern(open_one, closed),)) == NOBODY


async def test_a_pattern_whose_commit_a_closed_source_has_too_is_closed(team: Team):
    shared = team.interaction(team.source(None), key="a")
    team.interaction(team.source(NOBODY), key="a")
    assert await team.allowed(patterns=(team.pattern(shared),)) == NOBODY


async def test_a_pattern_without_evidence_is_as_strict_as_the_strictest_source(team: Team):
    bare = team.pattern()
    assert await team.allowed(patterns=(bare,)) == NOBODY  # there is no source at all
    team.source(None)
    team.source(OPENAI)
    assert await team.allowed(patterns=(bare,)) == OPENAI
    team.source(NOBODY)
    assert await team.allowed(patterns=(bare,)) == NOBODY


async def test_a_pattern_that_somebody_edited_is_as_strict_as_the_hand_written_ones(team: Team):
    edited = team.pattern(team.interaction(team.source(None)))
    team.admin.execute("update patterns set edited = true where id = %s", (edited,))
    assert await team.allowed(patterns=(edited,)) == NOBODY
    team.source(OPENAI, external_id="motif:hand-written")
    assert await team.allowed(patterns=(edited,)) == OPENAI


async def test_what_a_private_source_once_said_keeps_a_pattern_closed(team: Team):
    closed = team.source(NOBODY)
    gone = team.interaction(closed)
    pattern = team.pattern(team.interaction(team.source(None)), gone)
    team.admin.execute("delete from interactions where id = %s", (gone,))
    assert await team.allowed(patterns=(pattern,)) == NOBODY
    team.admin.execute("delete from sources where id = %s", (closed,))
    assert await team.allowed(patterns=(pattern,)) == NOBODY


async def test_what_lost_evidence_to_an_erasure_is_as_strict_as_the_strictest_source(team: Team):
    pattern = team.pattern(team.interaction(team.source(None)))
    team.admin.execute(
        "insert into pattern_versions (project_id, pattern_id, number, snapshot, created_by)"
        " values (%s, %s, 2, '{}', 'erasure')",
        (team.project, pattern),
    )
    assert await team.allowed(patterns=(pattern,)) is None
    team.source(NOBODY)
    assert await team.allowed(patterns=(pattern,)) == NOBODY


async def test_what_is_not_there_is_for_nobody(team: Team):
    open_one = team.interaction(team.source(None))
    assert await team.allowed(interactions=(open_one, uuid4())) == NOBODY
    assert await team.allowed(patterns=(uuid4(),)) == NOBODY
    assert await team.allowed() == NOBODY


async def test_what_a_caller_does_not_see_is_for_nobody(team: Team):
    pattern = team.pattern(team.interaction(team.source(None)))
    async with team.database.reading(Caller(uuid4())) as connection:
        assert (await of_patterns(connection, team.project, [pattern]))[pattern].vendors == NOBODY


async def test_a_question_may_be_sent_where_every_project_has_a_source_that_allows_it(team: Team):
    async def allowed(*projects: UUID, audience: tuple[UUID, ...] | None = None) -> Vendors:
        async with team.database.transaction(Role.SERVICE) as connection:
            return (await of_question(connection, projects, audience)).vendors

    other = team.new_project()
    assert await allowed(team.project) == NOBODY
    closed, open_one = team.source(NOBODY), team.source(None)
    assert await allowed(team.project) is None
    assert await allowed(team.project, other) == NOBODY
    team.source(OPENAI, project=other)
    assert await allowed(team.project, other) == OPENAI
    assert await allowed(team.project, audience=(open_one,)) is None
    assert await allowed(team.project, audience=(closed,)) == NOBODY
    assert await allowed(team.project, audience=(uuid4(),)) == NOBODY
    assert await allowed() == NOBODY
