"""Migration files: read in order, split as the Supabase CLI splits them, and searched for what they make."""

from pathlib import Path

import pytest

from service.storage.migration import Migration, created, read_migrations, split


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("", []),
        (" ;; ;\n", []),
        ("select 1", ["select 1"]),
        ("select 1;\nselect 2;\n", ["select 1", "select 2"]),
        # A comment belongs to the statement after it, the last one stands alone; a quote in it opens nothing.
        ("-- it's; \"so\nselect 1;\n-- the end; really\n", ["-- it's; \"so\nselect 1", "-- the end; really"]),
        ("/* a; /* b; */ c; */ select 1;select 2", ["/* a; /* b; */ c; */ select 1", "select 2"]),
        ("select 'it''s; fine'; select 2", ["select 'it''s; fine'", "select 2"]),
        ("select E'a\\';b'; select '\\'; select 3", ["select E'a\\';b'", "select '\\'", "select 3"]),
        ('create table "a;""b" (n int); select 2', ['create table "a;""b" (n int)', "select 2"]),
        ("do $$ begin; end $$; select $t$ a; $$ $t$", ["do $$ begin; end $$", "select $t$ a; $$ $t$"]),
        ("select a$b, c$d; select 2", ["select a$b, c$d", "select 2"]),
        # The body of a function in SQL's own syntax, with an end that is the case's.
        (
            "create function f() returns int begin atomic select case 1 when 1 then 2 end; select 3; end; select 4",
            ["create function f() returns int begin atomic select case 1 when 1 then 2 end; select 3; end", "select 4"],
        ),
        ("begin; select 1; end; select 2", ["begin", "select 1", "end", "select 2"]),
        ("select 1;\r\n-- x;\r\nselect 2;\r\n", ["select 1", "-- x;\r\nselect 2"]),
        ("select 'never closed; select 2", ["select 'never closed", "select 2"]),
    ],
)
def test_statements_end_at_semicolons_outside_of_quotes_comments_and_bodies(sql: str, statements: list[str]) -> None:
    assert split(sql) == statements


def test_files_are_read_oldest_first_and_others_passed_over(tmp_path: Path) -> None:
    for name in ("20270102000000_second.sql", "20270101000000_first.sql", "notes.txt", "draft.sql", "x_1.sql"):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbfselect 1;\r\n")
    found = read_migrations(tmp_path)
    assert [str(migration) for migration in found] == ["20270101000000_first", "20270102000000_second"]
    assert found[0].sql == "select 1;\r\n"


def test_what_is_made_is_found_with_its_schema_and_what_may_be_there_is_not() -> None:
    sql = """
        create schema mine;
        create schema if not exists extensions;
        -- A table.
        create table public.things (n integer);
        create table if not exists public.shared (n integer);
        create table elsewhere (n integer);
        CREATE MATERIALIZED VIEW public.seen as select 1;
        create or replace function public.replaced() returns void language sql as '';
        create function mine.made(n integer) returns void language sql as $$ create table public.inside (n int) $$;
        create index things_n on public.things (n);
    """
    assert created([Migration("1", "x", sql)]) == {
        "schema": ["mine"],
        "relation": ["public.things", "public.seen"],
        "function": ["mine.made"],
    }


def test_every_migration_of_ours_has_a_version_of_its_own() -> None:
    versions = [migration.version for migration in read_migrations()]
    assert versions == sorted(set(versions))
    assert all(len(version) == 14 for version in versions)
