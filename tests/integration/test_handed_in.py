"""What a team client writes into the tables itself, as it would through PostgREST."""

import json
from pathlib import Path

import psycopg
import pytest
from mined import mine_lines, write_lines

from service.extraction.pipeline import process_interaction
from service.storage.database import Caller, Database

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
ROW = """
insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, metadata)
select project_id, id, %(kind)s, 'chat', now(), %(text)s, %(metadata)s from sources
"""


def hand_in(url: str, caller: Caller, **row: str) -> None:
    with psycopg.connect(url) as client:
        client.execute("select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
                       (json.dumps({"sub": str(caller.user_id)}),))  # fmt: skip
        client.execute(ROW, {"kind": "conversation", "metadata": "{}", **row})


@pytest.fixture
async def project(database: Database, caller: Caller, tmp_path: Path) -> None:
    await mine_lines(database, caller, write_lines(tmp_path / "small.jsonl", [("Add a parser", ["app/parse.py"])]))


@pytest.mark.usefixtures("project")
async def test_secrets_are_hidden_before_anything_is_learned(database: Database, caller: Caller, database_url: str):
    text = f"The fix was to use the token {SECRET} 🎉. We should always rotate the token {SECRET} each month."
    hand_in(database_url, caller, text=text, metadata=json.dumps({"title": f"About {SECRET}"}))
    with psycopg.connect(database_url) as admin:
        row = admin.execute("select id from interactions where external_key = 'chat'").fetchone()
    assert row is not None
    learned = await process_interaction(database, None, row[0])
    assert learned is not None
    assert learned.patterns
    with psycopg.connect(database_url) as admin:
        tables = ("interactions", "patterns", "pattern_versions", "pattern_evidence", "pattern_terms", "tasks")
        held = [str(admin.execute(f"select * from {table}").fetchall()) for table in tables]
        stored = admin.execute("select text, redacted from interactions where external_key = 'chat'").fetchone()
    assert all(SECRET.casefold() not in rows.casefold() for rows in held)
    assert stored is not None
    assert (len(stored[0]), stored[1]) == (len(text), True)


@pytest.mark.usefixtures("project")
async def test_commits_are_brought_by_the_service_alone(caller: Caller, database_url: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        hand_in(database_url, caller, kind="commit", text="Forge evidence")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("column", ["id", "created_at", "redacted", "state", "priority"])
async def test_what_is_not_theirs_to_set_cannot_be_set(caller: Caller, database_url: str, column: str):
    with psycopg.connect(database_url) as admin:
        allowed = admin.execute(
            "select has_column_privilege('authenticated', 'interactions', %s, 'INSERT')", (column,)
        ).fetchone()
    assert allowed == (False,)
