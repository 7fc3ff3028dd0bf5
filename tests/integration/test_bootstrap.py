"""What Supabase would have provided, on the embedded database or an empty plain one."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from service.errors import ConfigurationError, DatabaseUnavailable, DatabaseUnfit, SchemaCollision
from service.local_postgres import LOCAL_USER
from service.local_postgres.bootstrap import bootstrap

ANNA = "11111111-1111-4111-8111-111111111111"
BERT = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
async def bootstrapped(empty_database_url: str) -> str:
    assert await bootstrap(empty_database_url)
    return empty_database_url


def test_the_roles_are_those_of_supabase(bootstrapped: str) -> None:
    with psycopg.connect(bootstrapped) as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin, rolinherit, rolbypassrls from pg_roles where rolname = any (%s) order by 1",
            (["anon", "authenticated", "authenticator", "service_role"],),
        ).fetchall()
        members = connection.execute(
            "select roleid::regrole::text from pg_auth_members where member = 'authenticator'::regrole order by 1"
        ).fetchall()
    assert rows == [
        ("anon", False, False, False),
        ("authenticated", False, False, False),
        ("authenticator", True, False, False),
        ("service_role", False, False, True),
    ]
    assert members == [("anon",), ("authenticated",), ("service_role",)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (None, None, None)),
        ({"request.jwt.claims": ""}, (None, None, None)),
        ({"request.jwt.claims": "{}"}, (None, None, None)),
        (
            {"request.jwt.claims": f'{{"sub": "{ANNA}", "role": "authenticated", "email": "anna@motif.invalid"}}'},
            (ANNA, "authenticated", "anna@motif.invalid"),
        ),
        # A claim with a setting of its own goes before the claims as a whole.
        (
            {
                "request.jwt.claims": f'{{"sub": "{ANNA}", "role": "anon", "email": "anna@motif.invalid"}}',
                "request.jwt.claim.sub": BERT,
                "request.jwt.claim.role": "authenticated",
                "request.jwt.claim.email": "bert@motif.invalid",
            },
            (BERT, "authenticated", "bert@motif.invalid"),
        ),
    ],
)
def test_the_claims_say_who_is_asking(
    bootstrapped: str, settings: dict[str, str], expected: tuple[str | None, ...]
) -> None:
    with psycopg.connect(bootstrapped) as connection:
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, true)", (name, value))
        connection.execute("set local role authenticated")
        assert connection.execute("select auth.uid()::text, auth.role(), auth.email()").fetchone() == expected


def test_the_local_person_has_an_account(bootstrapped: str) -> None:
    with psycopg.connect(bootstrapped) as connection:
        assert connection.execute("select id::text, role from auth.users").fetchall() == [(LOCAL_USER, "authenticated")]


def test_accounts_and_secrets_are_closed_to_the_api_roles(bootstrapped: str) -> None:
    for role in ("anon", "authenticated"):
        with psycopg.connect(bootstrapped) as connection:
            connection.execute(f"set role {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select from auth.users")
            connection.rollback()
            row = connection.execute("select has_schema_privilege(%s, 'vault', 'usage')", (role,)).fetchone()
            assert row == (False,)


def test_a_broadcast_is_a_row_that_knows_its_topic(bootstrapped: str) -> None:
    with psycopg.connect(bootstrapped) as connection:
        connection.execute("select realtime.send(%s, 'told', 'project:1')", (Jsonb({"id": 1}),))
        rows = connection.execute("select topic, event, extension, private, payload from realtime.messages").fetchall()
        assert rows == [("project:1", "told", "broadcast", True, {"id": 1})]
        assert connection.execute("select realtime.topic()").fetchone() == ("project:1",)


def test_a_broadcast_that_is_not_allowed_does_not_undo_the_change_it_tells_of(bootstrapped: str) -> None:
    with psycopg.connect(bootstrapped) as connection:
        warnings: list[str | None] = []
        connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
        connection.execute("create table public.t (n integer)")
        connection.execute("set local role authenticated")
        connection.execute("insert into public.t values (1)")
        connection.execute("select realtime.send('{}', 'told', 'project:1')")
        assert connection.execute("select n from public.t").fetchall() == [(1,)]
    assert ["not sent" in str(warning) for warning in warnings] == [True]


def test_changes_are_broadcast_from_a_trigger_for_each_row(bootstrapped: str) -> None:
    with psycopg.connect(bootstrapped) as connection:
        connection.execute("create table public.t (n integer)")
        connection.execute("""
            create function public.tell() returns trigger language plpgsql as $$
            begin
              perform realtime.broadcast_changes(
                'topic', tg_op, tg_op, tg_table_name, tg_table_schema, new, old, tg_level);
              return null;
            end $$""")
        connection.execute("create trigger t after insert on public.t for each row execute function public.tell()")
        connection.execute("insert into public.t values (7)")
        assert connection.execute("select event, payload from realtime.messages").fetchall() == [
            (
                "INSERT",
                {"schema": "public", "table": "t", "operation": "INSERT", "record": {"n": 7}, "old_record": None},
            )
        ]
        connection.execute("create trigger s after insert on public.t execute function public.tell()")
        with pytest.raises(psycopg.errors.RaiseException, match="each row"):
            connection.execute("insert into public.t values (8)")


def test_what_is_made_in_public_is_open_to_the_api_roles_as_in_older_projects(bootstrapped: str) -> None:
    with psycopg.connect(bootstrapped) as connection:
        connection.execute("create table public.t (n integer)")
        for role in ("anon", "authenticated", "service_role"):
            row = connection.execute("select has_table_privilege(%s, 'public.t', 'insert')", (role,)).fetchone()
            assert row == (True,)


async def test_a_second_time_changes_nothing(bootstrapped: str) -> None:
    assert not await bootstrap(bootstrapped)


async def test_an_older_bootstrap_is_brought_up_to_date_beside_the_data(bootstrapped: str) -> None:
    with psycopg.connect(bootstrapped) as connection:
        connection.execute("comment on schema auth is 'motif bootstrap 0'")
        connection.execute("create table public.t (n integer)")
        connection.execute("drop function realtime.topic()")
    assert await bootstrap(bootstrapped)
    with psycopg.connect(bootstrapped) as connection:
        assert connection.execute("select realtime.topic()").fetchone() == (None,)


async def test_a_database_with_tables_is_refused(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("create table public.theirs (n integer)")
    with pytest.raises(SchemaCollision, match=r"public\.theirs"):
        await bootstrap(empty_database_url)


async def test_who_is_no_superuser_is_told(empty_database_url: str) -> None:
    with pytest.raises(DatabaseUnfit, match="superuser"):
        await bootstrap(empty_database_url.replace("postgres@", "authenticator@"))


async def test_a_url_that_cannot_be_read_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        await bootstrap("postgresql://motif:hunter2%zz@localhost/motif")
    assert "hunter2" not in str(refused.value)


async def test_a_database_that_is_not_there_is_unavailable(empty_database_url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        await bootstrap("postgresql://nobody@127.0.0.1:1/nothing")
