"""Mining a history: what is stored, and that a repeat, a second run at once and a longer history make no twins."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import psycopg
import pytest
from mined import mine_lines, write_example, write_lines
from psycopg.rows import dict_row
from rows import count, dump

from service.errors import Conflict
from service.extraction.pipeline import learn_history
from service.storage.database import Caller, Database


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """300 commits of a real project."""
    return write_example(tmp_path / "history.jsonl", 300)


def read(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as admin:
        return admin.execute(query).fetchall()


async def test_patterns_are_stored_with_quotes_that_stand(
    database: Database, caller: Caller, database_url: str, history: Path
):
    mined = await mine_lines(database, caller, history)
    assert mined.new == 300
    assert mined.learned.patterns
    assert mined.learned.reason is None
    stored = read(database_url, "select id, name, status, version, visibility from patterns")
    assert {row["id"] for row in stored} == {pattern.pattern_id for pattern in mined.learned.patterns}
    assert {(row["status"], row["version"], row["visibility"]) for row in stored} == {("active", 1, "private")}

    texts = {row["id"]: row["text"] for row in read(database_url, "select id, text from interactions")}
    quotes = read(database_url, "select pattern_id, interaction_id, quote, char_start, char_end from pattern_evidence")
    assert {row["pattern_id"] for row in quotes} == {row["id"] for row in stored}
    for row in quotes:
        assert texts[row["interaction_id"]][row["char_start"] : row["char_end"]] == row["quote"]


async def test_every_commit_ends_done_or_left_out_with_its_reason_and_no_job_waits(
    database: Database, caller: Caller, database_url: str, history: Path
):
    mined = await mine_lines(database, caller, history)
    ended = read(database_url, "select state, error, count(*) as n from interactions group by state, error")
    assert {row["state"] for row in ended} == {"done", "ignored"}
    assert {row["error"]: row["n"] for row in ended if row["state"] == "ignored"} == dict(mined.learned.left_out)
    assert read(database_url, "select id from jobs.procrastinate_jobs where status = 'todo'") == []


async def test_mining_twice_changes_nothing(database: Database, caller: Caller, database_url: str, history: Path):
    await mine_lines(database, caller, history)
    before = dump(database_url)
    again = await mine_lines(database, caller, history)
    assert (again.new, again.learned.commits, again.learned.patterns) == (0, 0, ())
    assert dump(database_url) == before


async def test_learning_the_same_history_again_changes_nothing(
    database: Database, caller: Caller, database_url: str, history: Path
):
    """As after a crash that came between storing and marking: all is looked at again."""
    mined = await mine_lines(database, caller, history)
    before = dump(database_url)
    with psycopg.connect(database_url) as admin:
        admin.execute("update interactions set state = 'received', error = null")
    learned = await learn_history(database, None, mined.project.id)
    assert learned is not None
    assert {pattern.change for pattern in learned.patterns} == {"same"}
    assert dump(database_url) == before


async def test_half_a_history_then_the_whole_makes_no_twins(
    database: Database, caller: Caller, database_url: str, tmp_path: Path
):
    whole = tmp_path / "whole"
    whole.mkdir()
    first = await mine_lines(database, caller, write_example(tmp_path / "history.jsonl", 250))
    second = await mine_lines(database, caller, write_example(whole / "history.jsonl", 400))
    assert (first.new, second.new) == (250, 150)
    assert {pattern.change for pattern in second.learned.patterns} >= {"improved"}

    stored = {row["id"]: row for row in read(database_url, "select id, name, version, context_hash from patterns")}
    assert len({row["name"].casefold() for row in stored.values()}) == len(stored)
    for pattern in second.learned.patterns:
        expected = 2 if pattern.change == "improved" else 1
        assert stored[pattern.pattern_id]["version"] == expected, pattern.name
    # No two of them rest on the same changes.
    members = {
        row["pattern_id"]: frozenset(row["members"])
        for row in read(
            database_url, "select pattern_id, array_agg(interaction_id) as members from pattern_evidence group by 1"
        )
    }
    for one, other in itertools.combinations(members.values(), 2):
        assert len(one & other) < min(len(one), len(other))

    current = read(database_url, "select pattern_id, number from pattern_versions where status = 'current'")
    assert {row["pattern_id"]: row["number"] for row in current} == {i: row["version"] for i, row in stored.items()}
    relations = read(database_url, "select source_pattern_id, target_pattern_id, relationship_type from "
                                   "pattern_relationships")  # fmt: skip
    undirected = [
        (frozenset((row["source_pattern_id"], row["target_pattern_id"])), row["relationship_type"]) for row in relations
    ]
    assert len(undirected) == len(set(undirected))

    before = dump(database_url)
    await mine_lines(database, caller, whole / "history.jsonl")
    assert dump(database_url) == before


async def test_two_at_once_end_as_one(database: Database, caller: Caller, database_url: str, history: Path):
    both = await asyncio.gather(mine_lines(database, caller, history), mine_lines(database, caller, history))
    assert sorted(mined.new for mined in both) == [0, 300]
    at_once = dump(database_url)
    with psycopg.connect(database_url) as admin:
        admin.execute("truncate projects cascade")
    await mine_lines(database, caller, history)
    # The audit outlives what was removed, and so holds both makings.
    assert {**dump(database_url), "audit": []} == {**at_once, "audit": []}


async def test_two_projects_do_not_see_each_other(database: Database, caller: Caller, database_url: str, history: Path):
    await mine_lines(database, caller, history, project="one")
    await mine_lines(database, caller, history, project="two")
    by_project = read(database_url, "select project_id, array_agg(context_hash order by context_hash) as keys "
                                    "from patterns group by project_id")  # fmt: skip
    assert len(by_project) == 2
    assert by_project[0]["keys"] == by_project[1]["keys"]


async def test_too_little_history_gives_a_reason(database: Database, caller: Caller, database_url: str, tmp_path: Path):
    path = write_lines(tmp_path / "small.jsonl", [("Add a parser for durations", ["app/parse.py"])])
    mined = await mine_lines(database, caller, path)
    assert mined.learned.patterns == ()
    assert mined.learned.reason is not None
    assert "Too little" in mined.learned.reason
    assert count(database_url, "patterns") == 0


async def test_another_history_of_the_same_name_is_not_mixed_in_unasked(
    database: Database, caller: Caller, database_url: str, tmp_path: Path
):
    one = write_example(tmp_path / "history.jsonl", 60)
    (tmp_path / "elsewhere").mkdir()
    other = write_example(tmp_path / "elsewhere" / "history.jsonl", 60, skip=100)
    await mine_lines(database, caller, one, project=None)
    before = dump(database_url)
    with pytest.raises(Conflict, match="--project"):
        await mine_lines(database, caller, other, project=None)
    assert dump(database_url) == before
    mined = await mine_lines(database, caller, other, project="history")
    assert mined.new == 60
    assert count(database_url, "sources") == 2


async def test_a_file_that_grew_is_the_same_history(
    database: Database, caller: Caller, database_url: str, tmp_path: Path
):
    await mine_lines(database, caller, write_example(tmp_path / "history.jsonl", 60), project=None)
    mined = await mine_lines(database, caller, write_example(tmp_path / "history.jsonl", 80), project=None)
    assert mined.new == 20
    assert count(database_url, "sources") == 1


async def test_a_commit_that_comes_from_two_sources_counts_once(
    database: Database, caller: Caller, database_url: str, tmp_path: Path
):
    await mine_lines(database, caller, write_example(tmp_path / "one.jsonl", 200))
    before = read(database_url, "select name, version from patterns order by name")
    again = await mine_lines(database, caller, write_example(tmp_path / "other.jsonl", 200))
    assert again.new == 200
    assert read(database_url, "select name, version from patterns order by name") == before
    of_the_other = """
        select i.state, i.error, count(*) from interactions i join sources s on s.id = i.source_id
        where s.name = 'other' group by i.state, i.error
    """
    states = read(database_url, of_the_other)
    assert states == [{"state": "ignored", "error": "same commit in another source", "count": 200}]


async def test_who_was_removed_from_a_project_does_not_come_back_by_mining(
    database: Database, caller: Caller, database_url: str, tmp_path: Path
):
    history = write_example(tmp_path / "history.jsonl", 30)
    await mine_lines(database, caller, history)
    with psycopg.connect(database_url) as admin:
        admin.execute("insert into auth.users (id) values (gen_random_uuid())")
        admin.execute(
            "insert into project_members (project_id, user_id, role) "
            "select p.id, u.id, 'admin' from projects p, auth.users u where u.id <> %s",
            (caller.user_id,),
        )
        admin.execute("delete from project_members where user_id = %s", (caller.user_id,))
    with pytest.raises(Conflict, match="no longer a member"):
        await mine_lines(database, caller, history)
    assert count(database_url, "project_members") == 1


async def test_a_history_is_not_handed_to_whoever_made_a_project_of_its_name(
    database: Database, caller: Caller, database_url: str, tmp_path: Path
):
    history = write_example(tmp_path / "history.jsonl", 30)
    with psycopg.connect(database_url) as admin:
        admin.execute(
            "with mallory as (insert into auth.users (id) values (gen_random_uuid()) returning id), "
            "made as (insert into projects (name, created_by) select 'history', id from mallory "
            "returning id, created_by) "
            "insert into project_members (project_id, user_id, role) "
            "select id, created_by, 'admin' from made union all select id, %s, 'member' from made",
            (caller.user_id,),
        )
    with pytest.raises(Conflict, match="made by somebody else"):
        await mine_lines(database, caller, history, project=None)
    assert count(database_url, "interactions") == 0
    await mine_lines(database, caller, history, project="history")
    assert count(database_url, "interactions") == 30
