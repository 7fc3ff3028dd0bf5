"""A PostgREST-compatible server that nobody here wrote, over the embedded database with both projects."""

import os
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from callers import fill_with_callers
from matrix import MATRIX
from psycopg import sql
from team_clients import JWT_SECRET, PUBLISHABLE_KEY, Lite

from service.local_postgres.bootstrap import bootstrap
from service.local_postgres.server import LocalPostgres
from service.storage.migrate import migrate

RUN_FOLDER = "MOTIF_TEST_RUN_FOLDER"
CONFIG = """
[api]
port = {port}
schemas = ["public"]

[db]
driver = "postgres"
url = "{url}?sslmode=disable"

[auth]
enabled = true
jwt_secret = "{secret}"
publishable_key = "{key}"
"""
# What was granted on tables and columns, and the policies.
GRANTED = """
select c.relname, null as column, x.grantee::regrole::text, x.privilege_type from pg_class c, aclexplode(c.relacl) x
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and x.grantee <> c.relowner
union all
select c.relname, a.attname, x.grantee::regrole::text, x.privilege_type
from pg_class c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) x
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
order by 1, 2 nulls first, 3, 4
"""
POLICIES = """
select tablename, policyname, roles, cmd, qual, with_check from pg_policies where schemaname = 'public'
union all
select relname, '', '{}', relrowsecurity::text, '', '' from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
order by 1, 2
"""


@pytest.fixture(scope="session")
async def lite(tcp_postgres_server: LocalPostgres, client_program: Callable[[str], str]) -> AsyncIterator[Lite]:
    """@supabase/lite, with the tables and policies as they were before it came."""
    program = client_program("lite")
    name = f"lite_{uuid.uuid4().hex}"
    with psycopg.connect(tcp_postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template template0")
    admin_url = tcp_postgres_server.url("postgres", name)
    await bootstrap(admin_url)
    await migrate(admin_url)
    with psycopg.connect(admin_url) as admin:
        fill_with_callers(admin)
        granted, policies = admin.execute(GRANTED).fetchall(), admin.execute(POLICIES).fetchall()
    folder = Path(tempfile.mkdtemp(dir=os.environ[RUN_FOLDER]))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "supabase").mkdir()
    config = CONFIG.format(
        port=port, url=tcp_postgres_server.tcp_url("postgres", name), secret=JWT_SECRET, key=PUBLISHABLE_KEY
    )
    (folder / "supabase" / "config.toml").write_text(config)
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
            [program, "start", "--no-admin"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "DO_NOT_TRACK": "1", "NO_COLOR": "1"},
        )
    try:
        assert process.stdout is not None
        said = ""
        while "Ready in" not in said:
            line = process.stdout.readline()
            assert line, said + log.read_text()
            said += line
        lite = Lite(f"http://127.0.0.1:{port}", admin_url)
        # With its first request it grants everything to everybody. Even so, nobody sees a row.
        async with httpx.AsyncClient(base_url=lite.url, headers={"apikey": PUBLISHABLE_KEY}) as anybody:
            for table in MATRIX:
                answer = await anybody.get(f"/rest/v1/{table}?select=*")
                assert (answer.status_code, answer.json()) == (200, []), table
        with psycopg.connect(admin_url) as admin:
            _grant_only(admin, granted)
        yield lite
        with psycopg.connect(admin_url) as admin:
            assert admin.execute(GRANTED).fetchall() == granted
            assert admin.execute(POLICIES).fetchall() == policies
    finally:
        process.kill()
        process.communicate()
        with psycopg.connect(tcp_postgres_server.url(), autocommit=True) as admin:
            admin.execute(f"drop database {name} with (force)")


def _grant_only(admin: psycopg.Connection, granted: list[tuple[str, str | None, str, str]]) -> None:
    """Take back every grant, and give those again that the migrations gave."""
    admin.execute("revoke all on all tables in schema public from anon, authenticated, service_role, motif_api")
    for table, column, grantee, privilege in granted:
        columns = sql.SQL("({})").format(sql.Identifier(column)) if column else sql.SQL("")
        admin.execute(
            sql.SQL("grant {} {} on public.{} to {}").format(
                sql.SQL(privilege), columns, sql.Identifier(table), sql.Identifier(grantee)
            )
        )
    assert admin.execute(GRANTED).fetchall() == granted
