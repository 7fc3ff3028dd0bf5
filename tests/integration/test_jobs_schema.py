"""The queue's schema is that of the procrastinate that is installed, closed to everybody but the service."""

import re
import subprocess

import psycopg
import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.schema import SchemaManager

from service.local_postgres.process import programs
from service.local_postgres.server import LocalPostgres


def test_the_schema_is_that_of_the_installed_library(
    postgres_server: LocalPostgres, database_url: str, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("create schema jobs")
        connection.execute("set search_path = jobs")
        connection.execute(SchemaManager.get_schema())
    assert dump(postgres_server, database_url) == dump(postgres_server, empty_database_url)


def test_every_function_finds_its_tables_by_itself(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        without = connection.execute(
            """select proname from pg_proc where pronamespace = 'jobs'::regnamespace
               and not 'search_path=jobs, pg_temp' = any (coalesce(proconfig, '{}'))"""
        ).fetchall()
    assert without == []


@pytest.mark.parametrize("role", ["anon", "authenticated", "motif_api"])
def test_people_have_no_business_with_the_queue(database_url: str, role: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(f"set role {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select from jobs.procrastinate_jobs")


async def test_a_worker_that_logs_in_as_the_service_does_its_job(service_url: str) -> None:
    app = App(connector=PsycopgConnector(conninfo=service_url, kwargs={"options": "-c search_path=jobs"}))
    done: list[int] = []

    @app.task(name="note")
    async def note(number: int) -> None:
        done.append(number)

    async with app.open_async():
        await note.defer_async(number=7)
        await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)
    assert done == [7]


def dump(server: LocalPostgres, url: str) -> list[str]:
    """The queue's schema, statement by statement, without grants, comments and what we add under names of our own."""
    command = [programs(server.version) / "pg_dump", "--schema-only", "--schema=jobs", "--no-owner", "--no-acl", url]
    script = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    script = re.sub(r"^(--|\\).*\n", "", script, flags=re.MULTILINE)
    script = script.replace("    SET search_path TO 'jobs', 'pg_temp'\n", "")
    return [part.strip() for part in re.split(r";\n\n", script) if part.strip() and " motif_" not in part]
