"""The migrations as on a hosted Supabase project, where `postgres` is no superuser and owns not all."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from service.local_postgres.bootstrap import bootstrap
from service.local_postgres.server import open_local
from service.settings import Settings
from service.storage.migrate import migrate
from service.storage.migration import read_migrations

# What a hosted project's `postgres` is and may do, given to a role of another name, since ours is the superuser.
HOSTED = """
    create role hosted login nosuperuser createdb createrole replication bypassrls;
    grant anon, authenticated, service_role to hosted with admin option;
    grant all on database project to hosted;
    alter schema public owner to hosted;
    alter schema extensions owner to hosted;
    alter publication supabase_realtime owner to hosted;
    grant usage on schema auth to hosted;
    grant all on all tables in schema auth to hosted;
    grant all on all routines in schema auth to hosted;
    grant usage on schema realtime to hosted with grant option;
    grant all on all tables in schema realtime to hosted;
"""

AN_INTERACTION = """
    with project as (
      insert into public.projects (name) values ('p') returning id
    ), source as (
      insert into public.sources (project_id, kind, name, external_id)
      select id, 'repository', 'r', 'r' from project returning id, project_id
    )
    insert into public.interactions (project_id, source_id, kind, external_key, occurred_at, text)
    select project_id, id, 'document', 'd', now(), 'text' from source
"""


@pytest.fixture
async def project(data_dir: Path) -> AsyncIterator[tuple[str, str]]:
    """URLs of a server with a hosted project's roles and nothing of ours: as the owner, as the service."""
    server = open_local(Settings(_env_file=None, data_dir=data_dir))
    try:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("create database project template template0")
        url = server.url("postgres", "project")
        await bootstrap(url)
        with psycopg.connect(url) as admin:
            admin.execute(HOSTED)
        yield server.url("hosted", "project"), server.url("motif_service", "project")
    finally:
        server.close()


async def test_they_apply_and_the_service_can_act_as_whom_it_must(project: tuple[str, str]) -> None:
    owner, service = project
    assert await migrate(owner) == [str(migration) for migration in read_migrations()]
    assert await migrate(service) == []
    with psycopg.connect(service) as connection:
        for role in ("authenticated", "motif_api", "service_role"):
            connection.execute(f"set role {role}")
            connection.execute("select from public.projects")
            assert connection.execute("select '[1,2]'::extensions.halfvec is not null").fetchone() == (True,)


async def test_a_job_is_deferred_with_the_interaction_it_is_for(project: tuple[str, str]) -> None:
    owner, service = project
    await migrate(owner)
    with psycopg.connect(service) as connection:
        connection.execute("set role service_role")
        connection.execute(AN_INTERACTION)
        waiting = connection.execute("select args ->> 'interaction_id' from jobs.procrastinate_jobs").fetchall()
        assert waiting == connection.execute("select id::text from public.interactions").fetchall()
    assert len(waiting) == 1
