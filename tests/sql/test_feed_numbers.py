"""The feed's numbers: each project's own, so that their gaps tell nobody what others do."""

import psycopg
from tenants import OURS, PATTERN, THEIRS

INSERT = """
insert into patterns (project_id, name, pattern_type, context_hash, extraction_method)
select %s, %s || n, 'general', %s || n, 'manual' from generate_series(1, %s) as n
"""
NUMBERS = "select seq from pattern_events where project_id = %s order by seq"


def numbers(admin: psycopg.Connection) -> list[int]:
    return [seq for (seq,) in admin.execute(NUMBERS, (OURS,))]


def test_a_feed_has_no_gap_for_what_another_project_learns(admin: psycopg.Connection):
    before = len(numbers(admin))
    for turn in range(2):
        admin.execute(INSERT, (THEIRS, f"theirs{turn}", f"theirs{turn}", 7))
        admin.execute(INSERT, (OURS, f"ours{turn}", f"ours{turn}", 1))
        admin.execute("update patterns set status = 'archived' where project_id = %s", (THEIRS,))
    assert numbers(admin) == list(range(1, before + 3))


def test_no_number_comes_twice_after_an_erasure(admin: psycopg.Connection):
    last = numbers(admin)[-1]
    admin.execute("select set_config('role', 'service_role', true)")
    admin.execute("select motif.erase_pattern(%s, %s)", (OURS, PATTERN))
    admin.execute("select set_config('role', 'postgres', true)")
    assert numbers(admin)[-1] == last + 1
    admin.execute(INSERT, (OURS, "next", "next", 1))
    assert numbers(admin)[-1] == last + 2
