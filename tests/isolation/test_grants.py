"""Who was granted what: the same with the default grants that older Supabase projects have as without them."""

import psycopg
import pytest

from service.local_postgres.bootstrap import bootstrap
from service.storage.migrate import migrate

ROLES = ("anon", "authenticated", "authenticator", "service_role", "motif_api", "motif_service")
SCHEMAS = ("public", "motif", "jobs")

# As projects made since November 2026 are: what is created in public is nobody's until it is granted.
WITHOUT_DEFAULTS = """
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
"""
RELATIONS = """
select c.oid, n.nspname || '.' || c.relname as name, c.relkind
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%(schemas)s) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
"""
# Effective ones: what a role has of its own, through another role, and through PUBLIC.
GRANTS = f"""
with relations as ({RELATIONS})
select role, r.name, p.privilege from unnest(%(roles)s::text[]) as role, relations r,
  unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as p (privilege)
where r.relkind <> 'S' and has_table_privilege(role, r.oid, p.privilege)
union all
select role, r.name || '.' || a.attname, p.privilege from unnest(%(roles)s::text[]) as role, relations r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped,
  unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) as p (privilege)
where r.relkind <> 'S' and has_column_privilege(role, r.oid, a.attnum, p.privilege)
union all
select role, r.name, p.privilege from unnest(%(roles)s::text[]) as role, relations r,
  unnest(array['USAGE', 'SELECT', 'UPDATE']) as p (privilege)
where r.relkind = 'S' and has_sequence_privilege(role, r.oid, p.privilege)
union all
select role, f.oid::regprocedure::text, 'EXECUTE' from unnest(%(roles)s::text[]) as role, pg_proc f
where f.pronamespace::regnamespace::text = any (%(schemas)s) and has_function_privilege(role, f.oid, 'EXECUTE')
union all
select role, s, p.privilege from unnest(%(roles)s::text[]) as role, unnest(%(schemas)s::text[]) as s,
  unnest(array['USAGE', 'CREATE']) as p (privilege)
where has_schema_privilege(role, s, p.privilege)
"""
# To whom something in these schemas was given by the word PUBLIC.
TO_EVERYBODY = f"""
with given as (
  select r.name, x.grantee from ({RELATIONS}) r join pg_class c on c.oid = r.oid,
    aclexplode(coalesce(c.relacl, acldefault((case c.relkind when 'S' then 's' else 'r' end)::"char", c.relowner))) x
  union all
  select r.name || '.' || a.attname, x.grantee from ({RELATIONS}) r join pg_attribute a on a.attrelid = r.oid,
    aclexplode(a.attacl) x
  union all
  select f.oid::regprocedure::text, x.grantee from pg_proc f,
    aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x
  where f.pronamespace::regnamespace::text = any (%(schemas)s)
)
select name from given where grantee = 0
"""


@pytest.fixture
async def with_defaults(empty_database_url: str) -> str:
    """A database of the older kind, migrated; everything below asks it."""
    await bootstrap(empty_database_url)
    await migrate(empty_database_url)
    return empty_database_url


async def test_the_same_grants_with_the_old_default_grants_and_without(
    database_url: str, with_defaults: str, second_empty_url: str
):
    await bootstrap(second_empty_url)
    with psycopg.connect(second_empty_url) as admin:
        admin.execute(WITHOUT_DEFAULTS)
    await migrate(second_empty_url)
    old, new = grants(with_defaults), grants(second_empty_url)
    assert old == new
    # And neither is the other one by mistake: what nobody spoke of goes to the API roles in the older kind only.
    for url, expected in ((with_defaults, {"SELECT"}), (second_empty_url, set[str]())):
        with psycopg.connect(url) as admin:
            admin.execute("create table public.unspoken_of (id integer)")
        assert {p for _, name, p in grants(url, "anon") if name == "public.unspoken_of"} & {"SELECT"} == expected
    assert grants(database_url) == old


def test_nothing_is_for_those_who_are_not_signed_in(database_url: str):
    # Supabase itself lets them into the schema, where they find nothing.
    assert (
        grants(database_url, "anon", "authenticator")
        - {(role, "public", "USAGE") for role in ("anon", "authenticator")}
        == set()
    )


def test_nothing_is_for_everybody(database_url: str):
    with psycopg.connect(database_url) as admin:
        assert admin.execute(TO_EVERYBODY, {"schemas": list(SCHEMAS)}).fetchall() == []


def test_the_login_of_the_service_has_nothing_but_the_queue_without_a_role(database_url: str):
    beyond = {grant for grant in grants(database_url, "motif_service") if not grant[1].startswith("jobs")}
    assert beyond == {("motif_service", "public", "USAGE")}


def grants(url: str, *roles: str) -> set[tuple[str, str, str]]:
    """(role, what, privilege), of the given roles or all."""
    with psycopg.connect(url) as admin:
        return set(admin.execute(GRANTS, {"roles": list(roles or ROLES), "schemas": list(SCHEMAS)}).fetchall())
