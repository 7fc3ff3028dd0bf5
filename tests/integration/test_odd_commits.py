"""Rows that a team client may hand in with any content: none of them stops a project's history from being learned."""

from pathlib import Path

import psycopg
import pytest
from mined import mine_lines, write_example

from service.extraction.pipeline import learn_history
from service.storage.database import Caller, Database

ROW = """
insert into interactions (project_id, source_id, kind, external_key, revision, occurred_at, text, metadata, author_key)
select project_id, id, 'commit', %(key)s, '1', %(moment)s, %(text)s, %(metadata)s, %(author)s from sources
"""
SOUND = {"key": "k", "moment": "2025-01-01", "text": "Add a parser", "metadata": "{}", "author": None}


@pytest.mark.parametrize(
    ("odd", "state"),
    [
        ({"metadata": '{"files": "all of them"}'}, "failed"),
        ({"metadata": '{"parents": [1]}'}, "failed"),
        ({"metadata": "[]"}, "failed"),
        ({"metadata": "null"}, "failed"),
        ({"metadata": '{"message_chars": -5}'}, None),
        ({"metadata": '{"message_chars": 1000000000}'}, None),
        ({"metadata": '{"files": [{"path": ""}], "files_total": -1, "unknown": {}}'}, None),
        ({"text": ""}, None),
        ({"text": "\n\n\n"}, None),
        ({"text": "🎉" * 10_000}, None),
        ({"key": "🎉", "author": ""}, None),
        ({"moment": "0002-01-01 00:00+00"}, None),
        ({"moment": "9998-12-31 00:00+00"}, None),
    ],
    ids=lambda value: ascii(value)[:50],
)
async def test_an_odd_commit_is_in_nobodys_way(
    database: Database, caller: Caller, database_url: str, tmp_path: Path, odd: dict[str, str], state: str | None
):
    mined = await mine_lines(database, caller, write_example(tmp_path / "history.jsonl", 150))
    with psycopg.connect(database_url) as admin:
        admin.execute(ROW, SOUND | odd)
    learned = await learn_history(database, None, mined.project.id)
    assert learned is not None
    assert {pattern.pattern_id for pattern in learned.patterns} >= {p.pattern_id for p in mined.learned.patterns}
    with psycopg.connect(database_url) as admin:
        row = admin.execute(
            "select state from interactions where external_key = %s", ((SOUND | odd)["key"],)
        ).fetchone()
        waiting = admin.execute("select count(*) from interactions where state in ('received', 'processing')")
        assert waiting.fetchone() == (0,)
    assert row is not None
    assert row[0] in ({state} if state else {"done", "ignored"})
