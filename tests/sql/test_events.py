"""The team's feed: one event for each change that matters, in the order of the commits."""

import threading
import time

import psycopg
import pytest
from tenants import OURS, PATTERN, THEIRS, fill

INSERT = """
insert into patterns (project_id, name, pattern_type, context_hash, extraction_method)
values (%s, %s, 'general', %s, 'manual') returning id
"""
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
LONGEST_WAIT_S = 30


@pytest.fixture
def filled_url(database_url: str) -> str:
    """A database with both projects, committed."""
    with psycopg.connect(database_url) as admin:
        fill(admin)
    return database_url


def test_the_order_of_the_feed_is_the_order_of_the_commits(filled_url: str):
    with (
        psycopg.connect(filled_url) as first,
        psycopg.connect(filled_url) as second,
        psycopg.connect(filled_url, autocommit=True) as other,
    ):
        last = other.execute("select max(seq) from pattern_events").fetchone()
        early = first.execute(INSERT, (OURS, "first", "first")).fetchone()

        late: list[object] = []

        def write_second() -> None:
            late.append(second.execute(INSERT, (OURS, "second", "second")).fetchone())
            second.commit()

        writer = threading.Thread(target=write_second)
        writer.start()
        deadline = time.monotonic() + LONGEST_WAIT_S
        while other.execute(WAITING).fetchone() == (0,):
            assert time.monotonic() < deadline
        # Another project is not kept waiting, and nothing of what is not committed is to be seen.
        other.execute(INSERT, (THEIRS, "third", "third"))
        seen = "select pattern_id from pattern_events where project_id = %s and seq > %s order by seq"
        assert last is not None
        assert other.execute(seen, (OURS, last[0])).fetchall() == []

        first.commit()
        writer.join(LONGEST_WAIT_S)
        assert other.execute(seen, (OURS, last[0])).fetchall() == [early, late[0]]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("update patterns set version = version + 1 where id = %s", "updated"),
        ("update patterns set status = 'archived', version = 2 where id = %s", "status_changed"),
        ("delete from patterns where id = %s", "removed"),
        ("update patterns set description = 'a typing error less' where id = %s", None),
        ("update pattern_stats set match_count = match_count + 1 where pattern_id = %s", None),
    ],
)
def test_what_becomes_an_event(admin: psycopg.Connection, statement: str, kind: str | None):
    last = admin.execute("select max(seq) from pattern_events").fetchone()
    admin.execute(statement, (PATTERN,))
    assert last is not None
    events = admin.execute("select kind, pattern_id from pattern_events where seq > %s", last).fetchall()
    assert events == ([(kind, PATTERN)] if kind else [])


def test_a_project_takes_its_feed_along(admin: psycopg.Connection):
    admin.execute("delete from projects where id = %s", (OURS,))
    assert admin.execute("select from pattern_events where project_id = %s", (OURS,)).fetchall() == []
    assert admin.execute("select from patterns where project_id = %s", (OURS,)).fetchall() == []
