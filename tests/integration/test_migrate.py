"""The migration runner: applies what is missing once, and refuses before it would do harm."""

import asyncio

import psycopg
import pytest

from service.errors import (
    ConfigurationError,
    DatabaseError,
    DatabaseUnavailable,
    DatabaseUnfit,
    SchemaCollision,
    SchemaMismatch,
)
from service.local_postgres.bootstrap import bootstrap
from service.storage.migrate import migrate, status
from service.storage.migration import Migration, read_migrations

KNOWN = read_migrations()
NAMES = [str(migration) for migration in KNOWN]


@pytest.fixture
async def plain_url(empty_database_url: str) -> str:
    """A database that has had the bootstrap only."""
    await bootstrap(empty_database_url)
    return empty_database_url


def recorded(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        query = "select version || '_' || name from supabase_migrations.schema_migrations order by 1"
        return [name for (name,) in connection.execute(query).fetchall()]


def execute(url: str, sql: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(sql)


async def test_what_is_missing_is_applied_in_order_and_once(plain_url: str) -> None:
    assert await migrate(plain_url) == NAMES
    assert await migrate(plain_url) == []
    assert recorded(plain_url) == NAMES


async def test_processes_that_migrate_at_once_apply_each_migration_once(plain_url: str) -> None:
    applied = await asyncio.gather(*(migrate(plain_url) for _ in range(4)))
    assert sorted(name for names in applied for name in names) == NAMES
    assert recorded(plain_url) == NAMES


async def test_the_status_tells_what_is_applied_and_what_is_not(plain_url: str) -> None:
    assert (await status(plain_url)).pending == NAMES
    await migrate(plain_url, KNOWN[:2])
    told = await status(plain_url)
    assert (told.applied, told.pending) == (NAMES[:2], NAMES[2:])


async def test_a_migration_that_fails_leaves_nothing_of_itself_but_what_came_before(plain_url: str) -> None:
    broken = Migration("29990101000000", "broken", "create table public.half (n integer);\nselect 1 / 0;")
    with pytest.raises(DatabaseError, match=r"29990101000000_broken failed: division by zero"):
        await migrate(plain_url, [*KNOWN, broken])
    assert recorded(plain_url) == NAMES
    with psycopg.connect(plain_url) as connection:
        assert connection.execute("select to_regclass('public.half')").fetchone() == (None,)


async def test_the_service_sees_that_nothing_is_missing(database_url: str, service_url: str) -> None:
    assert await migrate(service_url) == []
    assert (await status(service_url)).pending == []


async def test_the_service_may_not_migrate_and_says_who_may(service_url: str) -> None:
    newer = Migration("29990101000000", "newer", "select 1")
    with pytest.raises(SchemaMismatch, match=r"motif_service may not.*MOTIF_DATABASE_ADMIN_URL"):
        await migrate(service_url, [*KNOWN, newer])


@pytest.mark.parametrize("login", ["postgres", "motif_service"])
async def test_a_database_of_a_newer_motif_is_refused(database_url: str, login: str) -> None:
    url = database_url.replace("postgres@", f"{login}@")
    for call in (migrate, status):
        with pytest.raises(SchemaMismatch, match="Update Motif"):
            await call(url, KNOWN[:-1])


async def test_someone_elses_migrations_in_the_same_books_are_left_alone(plain_url: str) -> None:
    theirs = Migration("20200101000000", "theirs", "create table public.theirs (n integer)")
    await migrate(plain_url, [theirs])
    assert await migrate(plain_url) == NAMES
    assert recorded(plain_url) == [str(theirs), *NAMES]


async def test_someone_elses_migration_under_the_version_of_ours_is_a_collision(plain_url: str) -> None:
    await migrate(plain_url, [Migration(KNOWN[1].version, "theirs", "create table public.theirs (n integer)")])
    with pytest.raises(SchemaCollision, match=f"{KNOWN[1].version}_theirs.*of its own"):
        await migrate(plain_url)
    with psycopg.connect(plain_url) as connection:
        assert connection.execute("select to_regnamespace('motif')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ("create table public.projects (n integer)", r"public\.projects"),
        ("create view public.patterns as select 1 as n", r"public\.patterns"),
        ("create schema motif", "motif"),
        ("create schema jobs", "jobs"),
    ],
)
async def test_other_things_under_our_names_are_named_and_left_alone(plain_url: str, theirs: str, named: str) -> None:
    execute(plain_url, theirs)
    with pytest.raises(SchemaCollision, match=f"{named}.*of its own"):
        await migrate(plain_url)
    with psycopg.connect(plain_url) as connection:
        assert connection.execute("select to_regclass('public.sources')").fetchone() == (None,)
        assert connection.execute("select to_regnamespace('supabase_migrations')").fetchone() == (None,)


async def test_of_many_things_in_the_way_five_are_named(plain_url: str) -> None:
    tables = ["audit", "interactions", "pattern_events", "patterns", "projects", "sources", "tasks"]
    execute(plain_url, "; ".join(f"create table public.{table} (n integer)" for table in tables))
    with pytest.raises(SchemaCollision, match=r"public\.audit, .*public\.projects and 2 more\."):
        await migrate(plain_url)


async def test_a_plain_database_is_sent_to_the_bootstrap(empty_database_url: str) -> None:
    with pytest.raises(DatabaseUnfit, match=r"auth\.uid\(\).*motif db bootstrap"):
        await migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select to_regnamespace('supabase_migrations')").fetchone() == (None,)


async def test_pgvector_in_another_schema_is_refused_with_the_command_that_moves_it(plain_url: str) -> None:
    execute(plain_url, "alter extension vector set schema public")
    with pytest.raises(DatabaseUnfit, match="alter extension vector set schema extensions"):
        await migrate(plain_url)
    execute(plain_url, "alter extension vector set schema extensions")
    assert await migrate(plain_url) == NAMES


@pytest.mark.parametrize("url", ["postgresql://motif@127.0.0.1:1/motif", "postgresql://motif@/x?host=/nowhere"])
async def test_a_database_that_does_not_answer_is_unavailable(url: str) -> None:
    for call in (migrate, status):
        with pytest.raises(DatabaseUnavailable):
            await call(url)


async def test_a_url_that_cannot_be_read_is_refused_without_its_password() -> None:
    for call in (migrate, status):
        with pytest.raises(ConfigurationError) as refused:
            await call("postgresql://motif:hunter2%zz@localhost/motif")
        assert "hunter2" not in str(refused.value)


async def test_the_newest_migration_says_its_version_for_those_who_may_not_read_the_books(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select obj_description('motif'::regnamespace, 'pg_namespace')").fetchone()
    assert row == (f"version {KNOWN[-1].version}",)


async def test_what_each_role_may_do_does_not_depend_on_supabases_old_default_grants(
    database_url: str, plain_url: str
) -> None:
    with psycopg.connect(plain_url) as connection:
        for things in ("tables", "sequences", "functions"):
            revoke = f"alter default privileges in schema public revoke all on {things} from"
            connection.execute(f"{revoke} anon, authenticated, service_role")
    await migrate(plain_url)
    assert privileges(plain_url) == privileges(database_url)


def privileges(url: str) -> set[tuple[str, str, str]]:
    """(what, role, privilege) of all that lies in our schemas; a role that owns it is left out."""
    query = """
        select what, grantee::regrole::text, privilege_type
        from (
          select c.oid::regclass::text as what, c.relowner as owner, (aclexplode(c.relacl)).*
          from pg_class c where c.relnamespace = any (array['public', 'motif', 'jobs']::regnamespace[])
          union all
          select p.oid::regprocedure::text, p.proowner, (aclexplode(p.proacl)).*
          from pg_proc p where p.pronamespace = any (array['public', 'motif', 'jobs']::regnamespace[])
        ) as granted
        where grantee <> owner"""
    with psycopg.connect(url) as connection:
        return set(connection.execute(query).fetchall())
