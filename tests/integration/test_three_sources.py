"""proposed → active: three independent sources do it, fewer do not, and what somebody said stands."""

from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
import structlog

from service.extraction.handwritten import change_pattern
from service.extraction.pipeline import process_interaction
from service.extraction.reviewing import judge
from service.extraction.written_pattern import PatternChange
from service.storage.database import Caller, Database, Role
from service.storage.projects import create_project

SAID = "We should always release the advisory lock in a finally block."


class Chat(NamedTuple):
    """One conversation that says the same, between other words."""

    author: str | None
    day: int
    key: str | None = None
    revision: str = "1"
    words: str | None = None
    source: str = "chat"
    by: str = "service"


@pytest.fixture
async def project(database: Database, caller: Caller) -> UUID:
    async with database.transaction(Role.SERVICE) as connection:
        return (await create_project(connection, caller, "demo")).id


@pytest.fixture
def admin(database_url: str):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


async def hear(database: Database, admin: psycopg.Connection, project: UUID, chat: Chat) -> None:
    """Hand a conversation in and learn from it."""
    source = admin.execute(
        "insert into sources (project_id, kind, name, external_id) values (%s, %s, 's', %s) "
        "on conflict (project_id, kind, external_id) do update set name = 's' returning id",
        (project, chat.source, chat.source),
    ).fetchone()
    assert source is not None
    words = chat.words if chat.words is not None else f"Talk {uuid4()}."
    row = admin.execute(
        "insert into interactions (project_id, source_id, kind, external_key, revision, author_key, occurred_at, text, "
        "redacted, handed_in_by) values (%s, %s, 'conversation', %s, %s, %s, %s, %s, true, %s) returning id",
        (
            project,
            source[0],
            chat.key or str(uuid4()),
            chat.revision,
            chat.author,
            f"2026-03-{chat.day:02} 12:00+00",
            f"{words}\n\n{SAID}",
            chat.by,
        ),
    ).fetchone()
    assert row is not None
    await process_interaction(database, None, row[0])


def pattern(admin: psycopg.Connection) -> dict[str, Any]:
    (row,) = admin.execute(
        "select to_jsonb(p) from patterns p where exists (select from pattern_evidence e where e.pattern_id = p.id)"
    ).fetchall()
    return row[0]


CASES = {
    "three people on three days": ([Chat("a", 1), Chat("b", 2), Chat("c", 3)], "active"),
    "one person on three days": ([Chat("a", 1), Chat("a", 2), Chat("a", 3)], "active"),
    "three people on one day": ([Chat("a", 1), Chat("b", 1), Chat("c", 1)], "active"),
    "what an agent says that three people said": (
        [Chat("a", 1), Chat("b", 2), Chat("c", 3, by=f"agent:{uuid4()}")],
        "proposed",
    ),
    "two": ([Chat("a", 1), Chat("b", 2)], "proposed"),
    "one person three times a day": ([Chat("a", 1), Chat("a", 1), Chat("a", 1)], "proposed"),
    "two pairs of person and day in four": ([Chat("a", 1), Chat("b", 1), Chat("a", 1), Chat("b", 1)], "proposed"),
    "nobody in particular on one day": ([Chat(None, 1), Chat(None, 1), Chat(None, 1)], "proposed"),
    "nobody in particular on three days": ([Chat(None, 1), Chat(None, 2), Chat(None, 3)], "active"),
    "three revisions of one": (
        [Chat("a", 1, "k", "1"), Chat("a", 2, "k", "2"), Chat("a", 3, "k", "3")],
        "proposed",
    ),
    "the same text under three names": (
        [Chat("a", 1, words="x"), Chat("b", 2, words="x"), Chat("c", 3, words="x")],
        "proposed",
    ),
    "what an import says of itself": (
        [Chat("a", 1), Chat("b", 2), Chat("c", 3, source="import")],
        "proposed",
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_counts_as_three_independent_sources(
    database: Database, admin: psycopg.Connection, project: UUID, name: str
):
    chats, status = CASES[name]
    for chat in chats:
        await hear(database, admin, project, chat)
    assert pattern(admin)["status"] == status
    kinds = [kind for (kind,) in admin.execute("select kind from pattern_events order by seq").fetchall()]
    assert kinds[0] == "created"
    assert ("status_changed" in kinds) == (status == "active")
    searched = admin.execute("select status from pattern_embeddings").fetchall()
    assert searched == [(status,)]


@pytest.mark.parametrize("status", ["proposed", "archived", "deprecated"])
async def test_what_somebody_put_back_or_away_stays_there(
    database: Database, admin: psycopg.Connection, project: UUID, caller: Caller, status: Any
):
    await hear(database, admin, project, Chat("a", 1))
    change = PatternChange(status=status)
    await change_pattern(database, None, caller, UUID(pattern(admin)["id"]), change, lambda _row: None)
    for day in (2, 3, 4):
        await hear(database, admin, project, Chat("b", day))
    assert pattern(admin)["status"] == status
    assert admin.execute("select count(*) from pattern_evidence").fetchone() == (4,)


async def test_an_active_one_that_somebody_put_back_is_not_made_active_by_more_of_it(
    database: Database, admin: psycopg.Connection, project: UUID, caller: Caller
):
    for day in (1, 2, 3):
        await hear(database, admin, project, Chat("a", day))
    one = UUID(pattern(admin)["id"])
    await change_pattern(database, None, caller, one, PatternChange(status="proposed"), lambda _row: None)
    await hear(database, admin, project, Chat("b", 4))
    assert pattern(admin)["status"] == "proposed"
    await judge(database, caller, one, accepted=True)
    assert pattern(admin)["status"] == "active"


async def test_what_somebody_edited_gets_evidence_and_no_other_words(
    database: Database, admin: psycopg.Connection, project: UUID, caller: Caller
):
    await hear(database, admin, project, Chat("a", 1))
    before = pattern(admin)
    change = PatternChange(name="Release locks in finally", description="As we say it.")
    await change_pattern(database, None, caller, UUID(before["id"]), change, lambda _row: None)
    for day in (2, 3):
        await hear(database, admin, project, Chat("b", day))
    after = pattern(admin)
    assert (after["name"], after["description"]) == ("Release locks in finally", "As we say it.")
    assert (after["version"], after["content"]) == (2, before["content"])
    assert after["status"] == "active"  # nobody said that it must not be
    assert admin.execute("select count(*) from pattern_evidence").fetchone() == (3,)
    authors = admin.execute("select created_by from pattern_versions order by number").fetchall()
    assert authors == [("builtin",), (f"user:{caller.user_id}",)]
    # An erased source takes its quotes along; a copy of them in a document of ours would stay.
    assert admin.execute("select count(*) from sources where kind = 'import'").fetchone() == (0,)


async def test_a_version_tells_by_which_job_it_was_written(
    database: Database, admin: psycopg.Connection, project: UUID
):
    for number in (1, 2):
        with structlog.contextvars.bound_contextvars(correlation_id=f"job-{number}"):
            await hear(database, admin, project, Chat("a", number))
    versions = admin.execute("select correlation_id, created_by from pattern_versions order by number").fetchall()
    assert versions == [("job-1", "builtin"), ("job-2", "builtin")]
